"""The calibration that every training does by itself, on sound that nothing was trained on.

That is generated sound and, with the default frontend, the fifth of the shipped recordings that is held back from
trainings. The rule: of the rates max_fa_per_hour x 1, 2, 4, 8 and 16, each label gets the strictest at which nine of
ten of its recordings would still be found if each scored _MARGIN logits less. They were trained on, and what comes
later sounds less like them: sneezes of others were found as often as those trained on are 1 to 1.5 logits lower. Quiet
comes before recall: while more than _TOO_MANY times max_fa_per_hour is left, `on` rises further, as long as _LEAST of
the recordings are still found. It rises no further: so few hours cannot tell a lower rate from a higher one.

Then, where more than LATE_SHARE of the events found end more than a second after their sound although the firmware ends
them with it, `off` rises, as long as all are still found and no false event is added, and then pooling is shortened.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from soundsdk.errors import DataError
from soundsdk.labels import LabelledSpan, counted, is_background
from soundsdk.models.reachability import highest_scores, unreachable_in
from soundsdk_train.calibration.choice import LATE_SHARE, OFF, OFF_OF_ON, ON, Choice, ClassChoice, choose, score_trace
from soundsdk_train.calibration.event_counts import EventRule, Outcome, ScoreTrace
from soundsdk_train.calibration.heard import AFTER_S, HeardRecording, Listener
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
_MARGIN = 1.5  # logits
_SHORTER = (256, 0)  # pool_ms to try where events end late
_EVENTS = 12  # recordings per label, evenly spread over those trained on


def calibrate_trained(
    model: bytes, settings: CalibrationSettings, files: Sequence[LabelledFile], say: Callable[[str], None]
) -> dict[str, Any]:
    """Return `detector` and `calibration` of the metadata of a model that was just trained.

    Thresholds are only raised above those of the settings (on, then off), and min_ms only lengthened: recordings that
    were trained on sound clearer to the network than any other, so they cannot tell how low a threshold may be, only
    when one is too high. Returns {} at rates for which no sound is generated. What was not attained is said.
    """
    listener = Listener(model)
    quiet = hear_generated(listener, settings.generated_s)
    recorded = hear_held_back(model, listener) if quiet else []
    quiet += recorded
    if not quiet:
        say("thresholds are those of the settings: nothing can be generated to calibrate them on")
        return {}
    events = _hear_files(listener, files)
    tried: list[_AtPool] = []
    for pool_ms in _pools(listener.metadata):
        tried.append(_at_pool(model, listener, settings, quiet, events, pool_ms))
        if tried[-1].late_share <= LATE_SHARE:
            break
    # The longest pool of those at which the fewest events end late, if they are found as well.
    best = min((one for one in tried if one.found >= _KEPT * tried[0].found), key=lambda one: one.late_share)
    detector, kept = best.detector, best.classes
    for one in kept:
        if not one.attained:
            say(
                f"note: {counted(settings.max_fa_per_hour, 'false alarm')} an hour cannot be attained for {one.label}: "
                f"{one.false} in {one.hours:.2f} h of other sound{_kept_in_words(one)}; soundsdk calibrate chooses by "
                f"your own background, from {one.least_hours(settings.max_fa_per_hour):.2g} h of it on, and this data "
                f"has {_background_hours(files):.2g} h"
            )
    if best.late_share > LATE_SHARE:
        say(
            f"note: {best.late} of {counted(best.found, 'event')} found in recordings trained on end more than "
            f"{AFTER_S:g} s after their sound"
        )
    for problem in unreachable_in(model, {**listener.metadata, "detector": detector}):
        say(f"warning: {problem}")
    sources = [GENERATED, RECORDED] if recorded else [GENERATED]
    entry = Choice(detector, kept, settings.max_fa_per_hour, best.hours).entry(sources)
    return {"detector": detector, "calibration": {**entry, "events": "trained on"}}


@dataclass
class _AtPool:
    """The choice for one pool_ms: `detector` of the metadata, and per label what to expect of it."""

    detector: dict[str, Any]
    classes: list[ClassChoice]
    hours: float
    found: int = 0
    late: int = 0

    @property
    def late_share(self) -> float:
        """Share of the events found that end late, of all labels together."""
        return self.late / self.found if self.found else 0.0


def _pools(metadata: dict[str, Any]) -> list[int]:
    """Return the values of pool_ms to try, the one in the file first, then shorter ones.

    A softmax head decides for one label of a clip, for which its pool is: it stays.
    """
    present = int(metadata["detector"]["pool_ms"])
    return [present, *(p for p in _SHORTER if p < present and metadata["head"] == "sigmoid")]


def _at_pool(
    model: bytes,
    listener: Listener,
    settings: CalibrationSettings,
    quiet: Sequence[HeardRecording],
    events: Sequence[HeardRecording],
    pool_ms: int,
) -> _AtPool:
    """Choose the thresholds of all labels with one pooling, by the rule above."""
    before = {**listener.metadata["detector"], "pool_ms": pool_ms}
    listener.metadata = {**listener.metadata, "detector": before}  # choose() begins with what is there
    highest = highest_scores(model, listener.metadata, pool_ms)
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
    out = _AtPool({}, [], choice.hours)
    rules = [dict(rule) for rule in before["classes"]]
    for one in choice.classes:
        index = listener.labels.index(one.label)
        rate, picked = chosen.get(one.label, (math.inf, one))
        thresholds = picked.thresholds if one.label in chosen else rules[index]
        picked.attained = rate <= settings.max_fa_per_hour
        trace = _trace(listener, quiet, index, pool_ms)
        heard = trace.outcome(_rule(thresholds), [thresholds["on"]])
        # Between the rates of the ladder, and above the loosest.
        for on in sorted(on for on in ON if thresholds["on"] < on <= highest[index]):
            picked.thresholds = {**thresholds, "on": on}
            if picked.attained:
                break
            too_many = heard.false[0] > _TOO_MANY * settings.max_fa_per_hour * picked.hours
            if not too_many or not _keeps_events(listener, events, picked, before, _LEAST, 0.0):
                break
            thresholds = picked.thresholds
            heard = trace.outcome(_rule(thresholds), [on])
        thresholds = _ending_in_time(listener, quiet, events, index, thresholds, pool_ms)
        heard = trace.outcome(_rule(thresholds), [thresholds["on"]])
        picked.thresholds = rules[index] = thresholds
        picked.false, picked.scenes = int(heard.false[0]), int(heard.scenes[0])
        out.classes.append(picked)
        own, number = _outcome(listener, events, index, thresholds, pool_ms)
        sounds = [r for r in events if any(c.label == one.label for c in r.claims)]
        pooled = [listener.pooled(r, pool_ms) for r in sounds]
        found, late = int(own.found[0]), listener.late_ends(sounds, pooled, index, thresholds)
        picked.recall, picked.events = (found / number if number else None), number
        picked.late = late / found if found else None
        out.found += found
        out.late += late
    out.detector = {"pool_ms": pool_ms, "classes": rules}
    return out


def _hear_files(listener: Listener, files: Sequence[LabelledFile]) -> list[HeardRecording]:
    """Hear some recordings of each label, each between LEAD_S of quiet before and after it."""
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
            # As much behind it, in which an event may end late.
            out.append(listener.hear(np.concatenate([lead, pcm, lead]), name=item.path.name, truth=[span]))
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


def _outcome(
    listener: Listener, events: Sequence[HeardRecording], index: int, thresholds: dict[str, int], pool_ms: int
) -> tuple[Outcome, int]:
    """Return the outcome of the recordings of a label, and how many events there are."""
    label = listener.labels[index]
    own = [r for r in events if any(c.label == label for c in r.claims)]
    trace = _trace(listener, own, index, pool_ms)
    return trace.outcome(_rule(thresholds), [thresholds["on"]]), len(trace.starts)


def _ending_in_time(
    listener: Listener,
    quiet: Sequence[HeardRecording],
    events: Sequence[HeardRecording],
    index: int,
    thresholds: dict[str, int],
    pool_ms: int,
) -> dict[str, int]:
    """Return the thresholds with the lowest `off` at which few events end late, else that at which the fewest do."""
    trace = _trace(listener, quiet, index, pool_ms)
    label = listener.labels[index]
    sounds = [r for r in events if any(c.label == label for c in r.claims)]
    pooled = [listener.pooled(r, pool_ms) for r in sounds]
    heard = score_trace(listener, sounds, pooled, index, pool_ms)
    best: tuple[int, dict[str, int]] | None = None
    least_found = most_false = 0.0
    for off in (thresholds["off"], *sorted(o for o in OFF if thresholds["off"] < o <= OFF_OF_ON * thresholds["on"])):
        tried = {**thresholds, "off": off}
        own = heard.outcome(_rule(tried), [tried["on"]])
        false = trace.outcome(_rule(tried), [tried["on"]]).false[0]
        if best is None:
            least_found, most_false = own.found[0], false
        elif own.found[0] < least_found or false > most_false:
            continue
        late = listener.late_ends(sounds, pooled, index, tried)
        if best is None or late < best[0]:
            best = late, tried
        if late <= LATE_SHARE * own.found[0]:
            break
    assert best is not None
    return best[1]


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
    kept, _ = _outcome(listener, events, index, stricter, before["pool_ms"])
    at_first, _ = _outcome(listener, events, index, before["classes"][index], before["pool_ms"])
    return bool(kept.found[0] >= share * at_first.found[0])
