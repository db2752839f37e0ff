"""A deployed detector on recordings: the scores of its steps and its events, as the firmware computes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan


@dataclass
class Heard:
    """One recording. scores: (steps, labels) in 1/1000, after pooling; ends_s: (steps,), when each step ended."""

    scores: NDArray[np.int32]
    ends_s: NDArray[np.float64]
    events: list[LabelledSpan]


class Listener:
    """A detector file with its own thresholds, which begins each recording from a cold start."""

    def __init__(self, model: bytes) -> None:
        import soundcore

        from soundfw.detect import detector as firmware

        self._stream = soundcore.Stream(model)
        metadata = json.loads(bytes(self._stream.metadata))
        self._detector = firmware.from_stream(self._stream, metadata)
        self._edges = {firmware.ON: True, firmware.OFF: False}
        self.labels: list[str] = list(metadata["labels"])
        self.frontend: dict[str, Any] = metadata["frontend"]
        self.rate_hz = int(metadata["frontend"]["rate_hz"])

    def hear(self, pcm: NDArray[np.int16]) -> Heard:
        """Run the detector over sound at rate_hz."""
        stream, detector = self._stream, self._detector
        stream.reset()
        detector.reset()
        scores: list[list[int]] = []
        ends: list[int] = []
        events: list[LabelledSpan] = []
        began = [0.0] * len(self.labels)

        def note() -> None:
            for i, edge in enumerate(detector.edge):
                if edge in self._edges:
                    at_s = detector.time[i] / self.rate_hz
                    if self._edges[edge]:
                        began[i] = at_s
                    else:
                        events.append(LabelledSpan(began[i], at_s, self.labels[i], detector.peak[i] / 1000))

        sound, at = np.ascontiguousarray(pcm, np.int16).tobytes(), 0
        while at < len(pcm):
            at += stream.feed(sound, at)
            if stream.stepped:
                if detector.step(stream.scores, stream.attention, at):
                    note()
                scores.append(list(detector.scores))
                ends.append(at)
        if detector.close(len(pcm)):
            note()
        return Heard(np.array(scores, np.int32).reshape(-1, len(self.labels)), np.array(ends) / self.rate_hz, events)
