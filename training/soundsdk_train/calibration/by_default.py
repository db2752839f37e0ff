"""The calibration that every training does by itself, on sound that nothing was trained on.

That is generated sound and, with the default frontend, the fifth of the shipped recordings that is held back from
trainings. The rule: of the rates max_fa_per_hour x 1, 2, 4, 8 and 16, each label gets the strictest at which nine of
ten of its recordings would still be found if each scored _MARGIN logits less. They were trained on, and what comes
later sounds less like them. A label that does not get the first rate has its `on` raised further, as far as this test
allows and false events remain. Quiet comes before recall: with more than _TOO_MANY times that rate left, `on` rises
further, as long as _LEAST of the recordings are still found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from soundsdk.errors import DataError
from soundsdk.labels import LabelledSpan, counted, is_background
from soundsdk.models.reachability import highest_scores, unreachable_in
from soundsdk_train.calibration.choice import ON, Choice, ClassChoice, choose, score_trace
from soundsdk_train.calibration.event_counts import EventRule, ScoreTrace
from soundsdk_train.calibration.heard import HeardRecording, Listener
from soundsdk_train.calibration.held_back import hear_held_back
from soundsdk_train.calibration.material import hear_generated
from soundsdk_train.datasets import LabelledFile
from soundsdk_train.evaluation.timeline import LEAD_S, noise_floor
from soundsdk_train.run_settings import CalibrationSettings
from soundsdk_train.survey import survey

GENERATED = "generated sound"
RECORDED = "shipped negatives"
_LOOSER = (1, 2, 4, 8, 16)  # multiples of the rate that are tried where it costs too many events
_KEPT = 0.9  # share of the events found with the thresholds of the settings that must still be found
_TOO_MANY = 4  # times the rate: where so many false events remain, quiet comes before recall,
_LEAST = 0.5  # down to this share of the events found at first
_MARGIN = 0.5  # logits
_EVENTS = 12  # recordings per label, evenly spread over those trained on


def calibrate_trained(
    model: bytes, settings: CalibrationSettings, files: Sequence[LabelledFile], say: Callable[[str], None]
) -> dict[str, Any]:
    """Return `detector` and `calibration` of the metadata of a model that was just trained.

    Thresholds are only raised above those of the settings, and min_ms only lengthened: recordings that were trained on
    sound clearer to the network than any other, so they cannot tell how low a threshold may be, only when one is too
    high. Returns {} at rates for which no sound is generated. What was not attained is said.
    """
    listener = Listener(model)
    quiet = hear_generated(listener, settings.generated_s)
    recorded = hear_held_back(model, listener) if quiet else []
    quiet += recorded
    if not quiet:
        say("thresholds are those of the settings: nothing can be generated to calibrate them on")
        return {}
    events = _hear_files(listener, files)
    before = listener.metadata["detector"]
    highest = highest_scores(model, listener.metadata, before["pool_ms"])
    chosen: dict[str, tuple[float, ClassChoice]] = {}
    choice: Choice | None = None
    for factor in _LOOSER:
        rate = settings.max_fa_per_hour * factor
        choice = choose(listener, quiet, [], rate, highest=lambda pool_ms: highest, raise_only=True)
        for one in choice.classes:
            if one.label not in chosen and one.attained and _keeps_events(listener, events, one, before):
                chosen[one.label] = rate, one
        if len(chosen) == len(choice.classes):
            break
    assert choice is not None
    rules = [dict(rule) for rule in before["classes"]]
    kept = []
    for one in choice.classes:
        index = listener.labels.index(one.label)
        rate, picked = chosen.get(one.label, (math.inf, one))
        thresholds = picked.thresholds if one.label in chosen else rules[index]
        picked.attained = rate <= settings.max_fa_per_hour
        trace = _trace(listener, quiet, index, before["pool_ms"])
        heard = trace.outcome(_rule(thresholds), [thresholds["on"]])
        # Between the rates of the ladder, and above the loosest.
        for on in sorted(on for on in ON if thresholds["on"] < on <= highest[index]):
            picked.thresholds = {**thresholds, "on": on}
            if picked.attained or not heard.false[0]:
                break
            too_many = heard.false[0] > _TOO_MANY * settings.max_fa_per_hour * picked.hours
            if not _keeps_events(listener, events, picked, before) and not (
                too_many and _keeps_events(listener, events, picked, before, _LEAST, 0.0)
            ):
                break
            thresholds = picked.thresholds
            heard = trace.outcome(_rule(thresholds), [on])
        picked.thresholds = rules[index] = thresholds
        picked.false, picked.scenes = int(heard.false[0]), int(heard.scenes[0])
        kept.append(picked)
        found, number = _found(listener, events, index, thresholds, before["pool_ms"])
        picked.recall, picked.events = (found / number if number else None), number
    for one in kept:
        if not one.attained:
            say(
                f"note: {counted(settings.max_fa_per_hour, 'false alarm')} an hour cannot be attained for {one.label}: "
                f"{one.false} in {one.hours:.2f} h of other sound{_kept_in_words(one)}; soundsdk calibrate chooses by "
                f"your own background, from {one.least_hours(settings.max_fa_per_hour):.2g} h of it on, and this data "
                f"has {_background_hours(files):.2g} h"
            )
    detector = {"pool_ms": before["pool_ms"], "classes": rules}
    for problem in unreachable_in(model, {**listener.metadata, "detector": detector}):
        say(f"warning: {problem}")
    sources = [GENERATED, RECORDED] if recorded else [GENERATED]
    entry = Choice(detector, kept, settings.max_fa_per_hour, choice.hours).entry(sources)
    return {"detector": detector, "calibration": {**entry, "events": "trained on"}}


def _hear_files(listener: Listener, files: Sequence[LabelledFile]) -> list[HeardRecording]:
    """Hear some recordings of each label, each after LEAD_S of quiet."""
    out: list[HeardRecording] = []
    for label in listener.labels:
        own = [item for item in files if item.label == label and not is_background(label)]
        for item in own[:: max(1, len(own) // _EVENTS)][:_EVENTS]:
            try:
                pcm = item.read(listener.rate_hz)
            except DataError:
                continue  # it was reported when it was to be trained on
            rng = np.random.default_rng(len(out))
            lead = noise_floor(rng, round(LEAD_S * listener.rate_hz))
            span = LabelledSpan(LEAD_S, LEAD_S + len(pcm) / listener.rate_hz, label)
            tail = lead[: listener.rate_hz]
            out.append(listener.hear(np.concatenate([lead, pcm, tail]), name=item.path.name, truth=[span]))
    return out


def _background_hours(files: Sequence[LabelledFile]) -> float:
    """Return how many hours of recordings of background there are."""
    own = [item for item in files if is_background(item.label)]
    facts = survey([item.path for item in own if item.part is None])
    parts = sum(item.part[1] - item.part[0] for item in own if item.part is not None)
    return (sum(facts[item.path].seconds for item in own if item.part is None) + parts) / 3600


def _rule(thresholds: dict[str, int]) -> EventRule:
    return EventRule(thresholds["off"], thresholds["min_ms"], thresholds["hold_ms"])


def _trace(listener: Listener, recordings: Sequence[HeardRecording], index: int, pool_ms: int) -> ScoreTrace:
    return score_trace(listener, recordings, [listener.pooled(r, pool_ms) for r in recordings], index, pool_ms)


def _found(
    listener: Listener, events: Sequence[HeardRecording], index: int, thresholds: dict[str, int], pool_ms: int
) -> tuple[int, int]:
    """Return how many events of a label are found, and how many there are."""
    label = listener.labels[index]
    own = [r for r in events if any(c.label == label for c in r.claims)]
    trace = _trace(listener, own, index, pool_ms)
    return int(trace.outcome(_rule(thresholds), [thresholds["on"]]).found[0]), len(trace.starts)


def _kept_in_words(one: ClassChoice) -> str:
    """Return what the thresholds of a label that is not quiet enough leave of its recordings; "" if that is all."""
    if one.recall is None or one.recall == 1.0:
        return ""
    return f", with {round(one.recall * one.events)} of {one.events} recordings of it found"


def _keeps_events(
    listener: Listener,
    events: Sequence[HeardRecording],
    one: ClassChoice,
    before: dict[str, Any],
    share: float = _KEPT,
    margin_logits: float = _MARGIN,
) -> bool:
    """Return True if so large a share of the events found with the thresholds before is found with those of `one`.

    margin_logits: how much lower each event may score for that.
    """
    index = listener.labels.index(one.label)
    margin = math.exp(margin_logits)
    on = one.thresholds["on"]
    stricter = {**one.thresholds, "on": min(999, round(1000 * on * margin / (on * margin + 1000 - on)))}
    found, _ = _found(listener, events, index, stricter, before["pool_ms"])
    at_first, _ = _found(listener, events, index, before["classes"][index], before["pool_ms"])
    return found >= share * at_first
