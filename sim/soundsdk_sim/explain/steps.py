"""The firmware's detector over a recording, step by step: the score of each class and what the rules made of it.

No rule is repeated here: the detector's own state and edges say what each class does. Two more of the firmware's
detectors run over the same scores, with other rules; what their edges show is what the detector's own do not:

    raw      no pooling                              the score of one step alone
    reached  min_ms = hold_ms = 0                    where a score reached `on`, and whether it has stayed above `off`
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soundcore
from numpy.typing import NDArray

from soundfw.detect import detector as firmware
from soundfw.detect.thresholds import Thresholds

# What a step can find a class doing. The first three and the last are without an event, the others within one.
IDLE = "idle"  # not reached `on`
RISING = "rising"  # reached `on`, not yet above `off` for min_ms
TOO_SHORT = "too_short"  # fell below `off` before min_ms had passed
FIRED = "fired"  # the event is reported in this step
RUNNING = "running"
HOLDING = "holding"  # below `off`, not yet for hold_ms
QUIET = "quiet"  # at or above `off`, but the sound has gone, not yet for as long as it may pause
MERGED = "merged"  # at or above `off`, and heard, again before the hold was over: the same event goes on
ENDED = "ended"  # the hold is over
STALE = "stale"  # the event has ended with its sound, and its score has not fallen below `off` since

OPEN_STATES = (FIRED, RUNNING, HOLDING, QUIET, MERGED)
_HELD = {firmware.FALLING: HOLDING, firmware.QUIET: QUIET}


@dataclass(frozen=True)
class ClassStep:
    """One class in one step."""

    score: int  # 1/1000, pooled: what the thresholds see
    raw: int  # 1/1000, of this step alone
    state: str
    above_ms: float = 0.0  # rising, too short, fired: how long since the step began that reached `on`
    hold_left_ms: float = 0.0  # holding, quiet: until the event ends if that stays so
    event: int | None = None  # id of the event that the class is in or that ends


@dataclass(frozen=True)
class Attempt:
    """A score that reached `on` and made no event. It fell below `off`, or the recording ended (cut_off)."""

    start_s: float
    above_ms: float
    peak: int  # 1/1000
    cut_off: bool = False


@dataclass
class Firing:
    """One event of a class."""

    event: int
    onset_s: float
    fired_s: float  # when it was reported
    offset_s: float = 0.0
    peak: int = 0  # 1/1000
    merged_s: list[float] = field(default_factory=list)  # where a score came back within the hold
    cut_off: bool = False  # still running at the end of the recording


@dataclass
class ClassTrace:
    """One class over a whole recording."""

    label: str
    rule: Thresholds
    steps: list[ClassStep] = field(default_factory=list)
    firings: list[Firing] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def highest(self) -> int:
        """Index of the step with the highest score, the first of equals."""
        return max(range(len(self.steps)), key=lambda i: self.steps[i].score)


@dataclass
class Trace:
    """A detector over a recording. ends[i]: the sample at which step i ended."""

    metadata: dict[str, Any]
    rate_hz: int
    step_samples: int
    length_samples: int
    ends: NDArray[np.int64]  # (steps)
    features: NDArray[np.int8]  # (steps * hop_frames, width)
    classes: list[ClassTrace]

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.length_samples / self.rate_hz

    def end_s(self, step: int) -> float:
        """Return the second at which a step ended."""
        return float(self.ends[step]) / self.rate_hz


class _ClassFollower:
    """The states of one class, from the detector and the edges of the one that runs beside it."""

    def __init__(self, trace: ClassTrace, rate_hz: int, step_samples: int) -> None:
        self._trace = trace
        self._rate_hz = rate_hz
        self._step_samples = step_samples
        self._reached_at: int | None = None  # where the step began that reached `on`
        self._above_ms = 0.0
        self._peak = 0
        self._open: Firing | None = None

    def _ms(self, samples: int) -> float:
        return 1000 * samples / self._rate_hz

    def step(self, i: int, now: int, raw: int, real: Any, reached: Any) -> None:
        """Note the state of class i after a step that ended at sample `now`."""
        score = real.scores[i]
        if reached.edge[i] == firmware.ON:
            self._reached_at, self._peak = now - self._step_samples, 0
        if reached.edge[i] != firmware.OFF and self._reached_at is not None:
            self._above_ms = self._ms(now - self._reached_at)
            self._peak = max(self._peak, score)
        self._trace.steps.append(self._classify(i, now, raw, score, real, reached))
        if reached.edge[i] == firmware.OFF:
            self._reached_at = None

    def _classify(self, i: int, now: int, raw: int, score: int, real: Any, reached: Any) -> ClassStep:
        edge, event = real.edge[i], real.id[i]
        if edge == firmware.ON:
            self._open = Firing(event, real.time[i] / self._rate_hz, now / self._rate_hz)
            self._trace.firings.append(self._open)
            return ClassStep(score, raw, FIRED, self._above_ms, event=event)
        if edge == firmware.OFF:
            self._close(real.time[i], real.peak[i], cut_off=False)
            if real.state[i] == firmware.OVER:
                self._reached_at = None
            return ClassStep(score, raw, ENDED, event=event)
        if real.state[i] == firmware.OVER:
            return ClassStep(score, raw, STALE)
        if self._open is not None:
            held = _HELD.get(real.state[i])
            if held is not None:
                left = real.hold_ms(i) - self._ms(now - real.held[i])
                return ClassStep(score, raw, held, hold_left_ms=left, event=event)
            if self._trace.steps[-1].state in (HOLDING, QUIET):
                self._open.merged_s.append((now - self._step_samples) / self._rate_hz)
                return ClassStep(score, raw, MERGED, event=event)
            return ClassStep(score, raw, RUNNING, event=event)
        if self._reached_at is None:
            return ClassStep(score, raw, IDLE)
        if reached.edge[i] == firmware.OFF:
            self._trace.attempts.append(Attempt(self._reached_at / self._rate_hz, self._above_ms, self._peak))
            return ClassStep(score, raw, TOO_SHORT, self._above_ms)
        return ClassStep(score, raw, RISING, self._above_ms)

    def close(self, i: int, real: Any) -> None:
        """Note the end of the recording, for which the real detector has been closed."""
        if self._open is not None:
            self._close(real.time[i], real.peak[i], cut_off=True)
        elif self._reached_at is not None:
            start_s = self._reached_at / self._rate_hz
            self._trace.attempts.append(Attempt(start_s, self._above_ms, self._peak, cut_off=True))

    def _close(self, time: int, peak: int, cut_off: bool) -> None:
        assert self._open is not None
        self._open.offset_s, self._open.peak, self._open.cut_off = time / self._rate_hz, peak, cut_off
        self._open = None


def given_scores(labels: list[str], rules: list[Thresholds], rate_hz: int, step_samples: int) -> Any:
    """Make the firmware's detector for scores that come from elsewhere: set .scores, then call .update."""
    return firmware.EventDetector(labels, "sigmoid", rules, 0, rate_hz, step_samples, (1.0, 0))


class StateFollower:
    """Follows a detector of the firmware step by step and notes what each class does. classes: the traces so far."""

    def __init__(self, real: Any, rate_hz: int, step_samples: int) -> None:
        labels, rules = real.labels, real.thresholds
        self._real = real
        at_on = [Thresholds(r.on, r.off, 0, 0) for r in rules]
        self._reached = given_scores(labels, at_on, rate_hz, step_samples)
        self.classes = [ClassTrace(label, rule) for label, rule in zip(labels, rules, strict=True)]
        self._followers = [_ClassFollower(c, rate_hz, step_samples) for c in self.classes]

    def step(self, now: int, raw: Sequence[int]) -> None:
        """Note the step that the detector has just made. now: the sample at its end; raw: scores without pooling."""
        self._reached.scores[:] = self._real.scores
        self._reached.update(now)
        for i, follower in enumerate(self._followers):
            follower.step(i, now, raw[i], self._real, self._reached)

    def close(self) -> None:
        """Note the end of the recording, for which the detector has been closed."""
        for i, follower in enumerate(self._followers):
            follower.close(i, self._real)


def follow(model: bytes, pcm: NDArray[np.int16]) -> Trace:
    """Run a detector over mono sound at its rate, from a cold start, and return what each class did in each step.

    The trace has no steps if the sound is shorter than one.
    """
    stream = soundcore.Stream(model)
    metadata = json.loads(bytes(stream.metadata))
    real = firmware.from_stream(stream, metadata)
    raw = firmware.from_stream(stream, {**metadata, "detector": {**metadata["detector"], "pool_ms": 0}})
    rate_hz = int(metadata["frontend"]["rate_hz"])
    follower = StateFollower(real, rate_hz, stream.step_samples)
    ends: list[int] = []
    features: list[bytes] = []
    sound, at = np.asarray(pcm, np.int16).tobytes(), 0
    while at < len(pcm):
        at += stream.feed(sound, at)
        if stream.stepped:
            real.step(stream.scores, stream.attention, at)
            raw.step(stream.scores, stream.attention, at)
            follower.step(at, raw.scores)
            ends.append(at)
            features.append(bytes(stream.features))
    real.close(len(pcm))
    follower.close()
    frames = np.frombuffer(b"".join(features), np.int8)
    width = len(stream.features) // int(metadata["hop_frames"])
    return Trace(
        metadata, rate_hz, stream.step_samples, len(pcm), np.array(ends, np.int64), frames.reshape(-1, width),
        follower.classes,
    )  # fmt: skip
