"""Recordings as the network heard them: its raw output of every step, from which any pooling follows.

The network runs once per recording; the firmware's detector then pools the stored output for each pool_ms tried.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan
from soundsdk_train.evaluation.deployed import HeardLevels, ScoredRecording, detect_events

AFTER_S = 1.0  # an event that begins this long after its sound still belongs to it, and may end so long after it
_FRAME_S = 0.01  # of sound_end()
_AUDIBLE, _DISTINCT, _FAINT = 2.0, 10.0, 1e-3  # 3 dB, 10 dB and -30 dB, as ratios of power


@dataclass(frozen=True)
class Claim:
    """A true event, to which events of its label belong that have an onset from start to end, in samples.

    over: where the last of them has to have ended, AFTER_S after the sound is heard no more; None: at `end`.
    """

    label: str
    start: int
    end: int
    over: int | None = None


@dataclass
class HeardRecording:
    """The output of the network for one recording, from a cold start.

    logits: int8 (steps, labels); attention: int8 (steps, 0, 1 or labels); ends: (steps,), the sample at which each step
    ended. sound_s: seconds of sound in which a false alarm counts; 0 for recordings of events. source: what it was cut
    from, as other recordings may be; "" if it stands for itself. levels: by which events end with their sound.
    """

    name: str
    logits: NDArray[np.int8]
    attention: NDArray[np.int8]
    ends: NDArray[np.int64]
    claims: list[Claim] = field(default_factory=list)
    kind: str = ""
    sound_s: float = 0.0
    source: str = ""
    levels: HeardLevels | None = None


def clip_claims(truth: Sequence[LabelledSpan], rate_hz: int, step_samples: int) -> list[Claim]:
    """Return the claims of sounds that are found by an event of their label between their onset and AFTER_S after them.

    An onset is known to a step of the network: one that lies a step early still counts.
    """
    out = []
    for span in truth:
        end = round((span.offset_s + AFTER_S) * rate_hz)
        out.append(Claim(span.label, round(span.onset_s * rate_hz) - step_samples, end))
    return out


def sound_end(pcm: NDArray[np.int16], rate_hz: int) -> int:
    """Return the sample at which a recording's sound is heard no more, where its quiet parts tell.

    That is the end of the last 10 ms that are 3 dB above its quietest tenth and no more than 30 dB below its loudest
    part. Where the loud parts stand out by less than 10 dB, as in rain, it is the recording's end.
    """
    frame = round(_FRAME_S * rate_hz)
    count = len(pcm) // frame
    if count == 0:
        return len(pcm)
    power = np.square(pcm[: count * frame].astype(np.float64)).reshape(count, frame).mean(1)
    floor, loudest = np.percentile(power, (10, 95))
    if loudest <= _DISTINCT * floor:
        return len(pcm)
    heard = np.flatnonzero(power > max(_AUDIBLE * floor, _FAINT * power.max()))
    return int(heard[-1] + 1) * frame


class Listener:
    """One model, opened once, that hears recordings. Raises soundcore.Error if the model cannot be used."""

    def __init__(self, model: bytes) -> None:
        import soundcore

        from soundfw.detect.rise import Levels

        self._stream = soundcore.Stream(model)
        self.metadata: dict[str, Any] = json.loads(bytes(self._stream.metadata))
        self.labels: list[str] = list(self.metadata["labels"])
        self.rate_hz = int(self.metadata["frontend"]["rate_hz"])
        self.step_samples = int(self._stream.step_samples)
        self._levels = Levels(self._stream.features, self.metadata["frontend"], self.step_samples)

    def hear(
        self,
        pcm: NDArray[np.int16],
        *,
        name: str = "",
        truth: Sequence[LabelledSpan] = (),
        kind: str = "",
        sound_s: float = 0.0,
        source: str = "",
    ) -> HeardRecording:
        """Run the network over mono sound at its rate. sound_s: seconds of it in which a false alarm counts."""
        stream = self._stream
        stream.reset()
        sound = np.ascontiguousarray(pcm, np.int16).tobytes()
        logits, attention, ends, levels = [], [], [], []
        at = 0
        while at < len(pcm):
            at += stream.feed(sound, at)
            if stream.stepped:
                logits.append(bytes(stream.scores))
                attention.append(bytes(stream.attention))
                ends.append(at)
                self._levels.step()
                levels.append(list(self._levels.now))
        steps = len(ends)
        return HeardRecording(
            name,
            np.frombuffer(b"".join(logits), np.int8).reshape(steps, len(self.labels)),
            np.frombuffer(b"".join(attention), np.int8).reshape(steps, len(stream.attention)),
            np.asarray(ends, np.int64),
            [
                replace(claim, over=self._over(pcm, span))
                for claim, span in zip(clip_claims(truth, self.rate_hz, self.step_samples), truth, strict=True)
            ],
            kind,
            sound_s,
            source,
            HeardLevels(np.asarray(levels, np.int16).reshape(steps, len(self._levels.now)), self.metadata["frontend"]),
        )

    def _over(self, pcm: NDArray[np.int16], span: LabelledSpan) -> int:
        """Return the sample by which the events of a span have to have ended."""
        start, end = round(span.onset_s * self.rate_hz), round(span.offset_s * self.rate_hz)
        return start + sound_end(pcm[start:end], self.rate_hz) + round(AFTER_S * self.rate_hz)

    def pooled(self, heard: HeardRecording, pool_ms: int) -> NDArray[np.int32]:
        """Return the scores, (steps, labels) in 1/1000, that the firmware's detector makes with a pooling."""
        from soundfw.detect import detector as firmware

        metadata = {**self.metadata, "detector": {**self.metadata["detector"], "pool_ms": pool_ms}}
        detector = firmware.from_stream(self._stream, metadata)
        out = np.zeros(heard.logits.shape, np.int32)
        steps = zip(heard.logits.tolist(), heard.attention.tolist(), heard.ends.tolist(), strict=True)
        for i, (logits, attention, end) in enumerate(steps):
            detector.step(logits, attention, end)
            out[i] = detector.scores
        return out

    def late_ends(
        self,
        recordings: Sequence[HeardRecording],
        scores: Sequence[NDArray[np.int32]],
        index: int,
        rule: dict[str, int],
    ) -> int:
        """Count the claims on a label that are found and whose last event ends after they are over."""
        return sum(late is True for late in self.lateness(recordings, scores, index, rule))

    def lateness(
        self,
        recordings: Sequence[HeardRecording],
        scores: Sequence[NDArray[np.int32]],
        index: int,
        rule: dict[str, int],
    ) -> list[bool | None]:
        """Return for each claim on a label whether its last event ends after it is over, None if it is not found.

        In the order of recordings, and in each by the claims' starts. scores: of each recording, as pooled() returns
        them. rule: the label's thresholds. The firmware's detector ends the events, with their sound where it falls.
        """
        out: list[bool | None] = []
        label = self.labels[index]
        for heard, own in zip(recordings, scores, strict=True):
            claims = sorted((claim for claim in heard.claims if claim.label == label), key=lambda claim: claim.start)
            length = int(heard.ends[-1]) if len(heard.ends) else 0
            row = own[:, [index]]
            scored = ScoredRecording("", [label], row, heard.ends, length, self.rate_hz, self.step_samples, [])
            scored.levels = heard.levels
            found = detect_events(scored, {"classes": [rule]}) if claims else []
            spans = [(round(e.onset_s * self.rate_hz), round(e.offset_s * self.rate_hz)) for e in found]
            for claim in claims:
                ends = [end for onset, end in spans if claim.start <= onset <= claim.end]
                out.append(max(ends) > (claim.end if claim.over is None else claim.over) if ends else None)
        return out
