"""The explanation of a recording as text for people and as JSON lines for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain, groupby, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import printable
from soundsdk_sim.explain.seconds import ClassSecond, Second, seconds
from soundsdk_sim.explain.sound_input import StepInput, input_notes, step_inputs
from soundsdk_sim.explain.steps import ClassTrace, Trace, follow
from soundsdk_sim.explain.verdicts import Verdict, verdict, verdict_json

_LABEL_WIDTH = 20


@dataclass(frozen=True)
class Explanation:
    """All that is known about a detector on a recording."""

    trace: Trace
    inputs: list[StepInput]
    notes: list[str]  # on the sound itself
    seconds: list[Second]
    verdicts: list[Verdict]  # in the order of the labels

    def by_interest(self) -> list[int]:
        """Return the indices of the classes: those that fired by their first event, then the nearest misses."""

        def key(i: int) -> tuple[int, float]:
            of = self.trace.classes[i]
            if of.firings:
                return 0, of.firings[0].onset_s
            return (1 if of.attempts else 2), -1000 * self.verdicts[i].highest / of.rule.on

        return sorted(range(len(self.verdicts)), key=key)


def explain_sound(model: bytes, pcm: NDArray[np.int16]) -> Explanation | None:
    """Explain what a detector makes of mono sound at its rate; None if the sound is shorter than a step."""
    trace = follow(model, pcm)
    if not len(trace.ends):
        return None
    inputs = step_inputs(trace, pcm)
    verdicts = [verdict(trace, of) for of in trace.classes]
    return Explanation(trace, inputs, input_notes(trace, pcm, inputs), seconds(trace, pcm), verdicts)


def text_lines(explanation: Explanation, name: str) -> Iterator[str]:
    """Yield the lines to print: one verdict per class, notes on the sound, then what happened in each second."""
    trace = explanation.trace
    step_ms = 1000 * trace.step_samples / trace.rate_hz
    yield (
        f"{printable(name)}: {trace.seconds:.2f} s, {len(trace.ends)} steps of {step_ms:g} ms,"
        f" detector {printable(trace.metadata['name'])}"
    )
    yield ""
    for i in explanation.by_interest():
        found = explanation.verdicts[i]
        yield found.sentence + (f" It {found.advice}." if found.advice else "")
    for note in explanation.notes:
        yield f"sound: {note}"
    yield ""
    yield from _second_lines(explanation)


def _second_lines(explanation: Explanation) -> Iterator[str]:
    width = min(_LABEL_WIDTH, max(len(printable(c.label)) for c in explanation.trace.classes))
    yield f"{'second':>9}  {'dBFS':>6}  {'class':<{width}}  score    on"
    for _, group in groupby(explanation.seconds, key=_alike):
        rows = list(group)
        span = str(rows[0].second) if len(rows) == 1 else f"{rows[0].second}-{rows[-1].second}"
        heads = chain([f"{span:>9}  {max(row.sound.rms_dbfs for row in rows):6.1f}"], repeat(" " * 17))
        if rows[0].sound.clipped:
            yield f"{next(heads)}  clipped"
        for c, words in _class_rows(rows):
            yield f"{next(heads)}  {_cell(c.label, width)}  {c.score / 1000:5.2f}  {c.on / 1000:4.2f}  {words}"


def _alike(row: Second) -> Any:
    """Return what seconds must have in common to share a line: the same states in the same classes."""
    return row.sound.clipped, row.sound.silent, [(c.label, c.words) for c in row.classes if c.words], bool(row.classes)


def _class_rows(rows: list[Second]) -> Iterator[tuple[ClassSecond, str]]:
    """Yield the classes of alike seconds with the words for them; the nearest to its `on` if there are no words."""
    classes = [max(of, key=lambda c: c.score) for of in zip(*(row.classes for row in rows), strict=True)]
    if any(c.words for c in classes):
        yield from ((c, "; ".join(c.words)) for c in classes if c.words)
    elif classes:
        why = "digital silence" if rows[0].sound.silent else "no class above its off"
        yield max(classes, key=lambda c: c.score / c.on), f"highest; {why}"
    else:
        yield ClassSecond("-", 0, 0, []), "shorter than a step"


def _cell(label: str, width: int) -> str:
    text = printable(label)
    return f"{text if len(text) <= width else text[: width - 1] + '…':<{width}}"


def json_objects(explanation: Explanation, name: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of --json: the recording, every step, then a verdict per class."""
    trace = explanation.trace
    yield {
        "type": "recording",
        "file": name,
        "model": trace.metadata["name"],
        "seconds": round(trace.seconds, 6),
        "rate_hz": trace.rate_hz,
        "step_ms": 1000 * trace.step_samples / trace.rate_hz,
        "notes": explanation.notes,
    }
    for i, sound in enumerate(explanation.inputs):
        classes = {c.label: _step_json(c, i) for c in trace.classes}
        yield {"type": "step", "step": i, "end_s": trace.end_s(i), "sound": asdict(sound), "classes": classes}
    for of, found in zip(trace.classes, explanation.verdicts, strict=True):
        yield verdict_json(trace, of, found)


def _step_json(of: ClassTrace, i: int) -> dict[str, Any]:
    step = of.steps[i]
    out = {**asdict(step), "score": step.score / 1000, "raw": step.raw / 1000}
    out["to_on"] = round((of.rule.on - step.score) / 1000, 3)
    out["above_off"] = step.score >= of.rule.off
    return out
