"""Choose the classes whose score is explained by occlusion, and say what each score rests on."""

from __future__ import annotations

from typing import Any

import numpy as np

from soundsdk.errors import UsageError
from soundsdk.labels import meant, printable
from soundsdk_sim.explain.occlusion import Occlusion, Saliency, hertz
from soundsdk_sim.explain.report import Explanation
from soundsdk_sim.explain.steps import Trace

MOST_CLASSES = 3


def chosen_classes(explanation: Explanation, labels: tuple[str, ...]) -> list[int]:
    """Return the indices of the classes with these labels; without any, of those that did something.

    Those are at most MOST_CLASSES that fired or whose score reached `off`, and at least the one that came nearest.
    UsageError if the model has no such label.
    """
    known = [c.label for c in explanation.trace.classes]
    for label in labels:
        if label not in known:
            names = ", ".join(map(printable, known))
            raise UsageError(f"the detector has no class {label}.", f"{meant(label, known)}It knows {names}.")
    if labels:
        return [known.index(label) for label in dict.fromkeys(labels)]
    return active_classes(explanation)[:MOST_CLASSES]


def active_classes(explanation: Explanation) -> list[int]:
    """Return the indices of the classes that fired or whose score reached `off`, else of the one that came nearest."""
    order = explanation.by_interest()
    active = [i for i in order if 1000 * explanation.verdicts[i].highest >= explanation.trace.classes[i].rule.off]
    return active or order[:1]


def step_at(trace: Trace, seconds: float) -> int:
    """Return the step in which a time lies, the last one for what follows it; UsageError outside the recording."""
    if not 0 <= seconds <= trace.seconds:
        raise UsageError(f"--at {seconds:g} lies outside the recording of {trace.seconds:.2f} s.", "Give a time in it.")
    return min(int(np.searchsorted(trace.ends, seconds * trace.rate_hz)), len(trace.ends) - 1)


def saliencies(model: bytes, explanation: Explanation, classes: list[int], at_s: float | None) -> list[Saliency]:
    """Return what the score of each class rests on: at a time, or at the step its verdict is about."""
    occlusion = Occlusion(model, explanation.trace)
    step = None if at_s is None else step_at(explanation.trace, at_s)
    return [occlusion.saliency(i, explanation.verdicts[i].step if step is None else step) for i in classes]


def evidence_sentence(trace: Trace, of: Saliency) -> str:
    """Say on which patch a score rests most."""
    head = f"{printable(of.label)} at {trace.end_s(of.step):.2f} s: score {of.score:.2f}"
    if of.strongest is None:
        return f"{head}, and no patch of the sound lowers it."
    begin, end = patch_seconds(trace, of)
    where = f"{begin:.2f}-{end:.2f} s"
    bands = hertz(trace.metadata, of.strongest.low, of.strongest.high)
    where += f", {bands[0]:.0f}-{bands[1]:.0f} Hz" if bands else ""
    return f"{head}, {of.strongest.score:.2f} without the sound at {where}."


def patch_seconds(trace: Trace, of: Saliency) -> tuple[float, float]:
    """Return the seconds of the strongest patch, from the middle of its first hop to that of its last."""
    assert of.strongest is not None
    frontend = trace.metadata["frontend"]
    lead = (frontend["window"] - frontend["hop"]) / 2
    begin, end = ((lead + f * frontend["hop"]) / frontend["rate_hz"] for f in (of.strongest.start, of.strongest.stop))
    return begin, end


def evidence_json(trace: Trace, of: Saliency) -> dict[str, Any]:
    """Return the evidence for a score for programs; seconds and hertz of the patch without which it is lowest."""
    out: dict[str, Any] = {"type": "evidence", "label": of.label, "at_s": trace.end_s(of.step), "score": of.score}
    if of.strongest is None:
        return {**out, "without": None}
    begin, end = patch_seconds(trace, of)
    bands = hertz(trace.metadata, of.strongest.low, of.strongest.high)
    return {**out, "without": {"begin_s": begin, "end_s": end, "hz": bands, "score": of.strongest.score}}
