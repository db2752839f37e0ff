"""Recordings as the network heard them: its raw output of every step, from which any pooling follows.

The network runs once per recording; the firmware's detector then pools the stored output for each pool_ms tried.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan

AFTER_S = 1.0  # an event that begins this long after its sound still belongs to it


@dataclass(frozen=True)
class Claim:
    """A true event, to which events of its label belong that have an onset from start to end, in samples."""

    label: str
    start: int
    end: int


@dataclass
class HeardRecording:
    """The output of the network for one recording, from a cold start.

    logits: int8 (steps, labels); attention: int8 (steps, 0, 1 or labels); ends: (steps,), the sample at which each step
    ended. sound_s: seconds of sound in which a false alarm counts; 0 for recordings of events. source: what it was cut
    from, as other recordings may be; "" if it stands for itself.
    """

    name: str
    logits: NDArray[np.int8]
    attention: NDArray[np.int8]
    ends: NDArray[np.int64]
    claims: list[Claim] = field(default_factory=list)
    kind: str = ""
    sound_s: float = 0.0
    source: str = ""


def clip_claims(truth: Sequence[LabelledSpan], rate_hz: int, step_samples: int) -> list[Claim]:
    """Return the claims of sounds that are found by an event of their label between their onset and AFTER_S after them.

    An onset is known to a step of the network: one that lies a step early still counts.
    """
    out = []
    for span in truth:
        end = round((span.offset_s + AFTER_S) * rate_hz)
        out.append(Claim(span.label, round(span.onset_s * rate_hz) - step_samples, end))
    return out


class Listener:
    """One model, opened once, that hears recordings. Raises soundcore.Error if the model cannot be used."""

    def __init__(self, model: bytes) -> None:
        import soundcore

        self._stream = soundcore.Stream(model)
        self.metadata: dict[str, Any] = json.loads(bytes(self._stream.metadata))
        self.labels: list[str] = list(self.metadata["labels"])
        self.rate_hz = int(self.metadata["frontend"]["rate_hz"])
        self.step_samples = int(self._stream.step_samples)

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
        logits, attention, ends = [], [], []
        at = 0
        while at < len(pcm):
            at += stream.feed(sound, at)
            if stream.stepped:
                logits.append(bytes(stream.scores))
                attention.append(bytes(stream.attention))
                ends.append(at)
        steps = len(ends)
        return HeardRecording(
            name,
            np.frombuffer(b"".join(logits), np.int8).reshape(steps, len(self.labels)),
            np.frombuffer(b"".join(attention), np.int8).reshape(steps, len(stream.attention)),
            np.asarray(ends, np.int64),
            clip_claims(truth, self.rate_hz, self.step_samples),
            kind,
            sound_s,
            source,
        )

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
