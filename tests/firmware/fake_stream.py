"""Doubles for soundcore.Stream and for a microphone, for tests of the Python around them."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from soundfw.detect.detector import from_stream
from soundfw.detect.thresholds import Thresholds

SCORES_QUANT = (0.0625, 0)  # logits of -8 … 7.9
STEP = 2048
FIRST = 2304  # the first step waits for a whole window


def metadata(labels: Sequence[str], head: str = "sigmoid", pool_ms: int = 0, **limits: int) -> dict[str, Any]:
    one = {"on": 600, "off": 400, "min_ms": 0, "hold_ms": 0, **limits}
    return {
        "soundsdk": 1,
        "name": "fake",
        "labels": list(labels),
        "head": head,
        "frontend": {
            "rate_hz": 16000, "window": 512, "hop": 256, "bands": 40, "coefficients": 0, "step_mdb": 400
        },
        "detector": {"pool_ms": pool_ms, "classes": [dict(one) for _ in labels]},
    }


class FakeStream:
    """Steps at the same samples as the real one; logits come from script(step number) -> int8 values."""

    def __init__(
        self,
        script: Callable[[int], Sequence[int]],
        meta: dict[str, Any],
        attention: Callable[[int], Sequence[int]] | None = None,
        attention_scale: float = 0.05,
    ) -> None:
        self._script = script
        self._attend = attention
        self._scores = array("b", bytes(len(meta["labels"])))
        self._attention = array("b", bytes(len(attention(0)) if attention else 0))
        self.scores = memoryview(self._scores)
        self.attention = memoryview(self._attention)
        self.features = memoryview(array("b", bytes(8 * 40)))  # the same at all times: a steady background
        self.scores_quant = SCORES_QUANT
        self.attention_quant = (attention_scale, 3)
        self.step_samples = STEP
        self.arena_size = 5000
        self.metadata = json.dumps(meta).encode()
        self.stepped = False
        self._left = FIRST
        self.steps = 0
        self.heard = array("h")

    def detector(self, rules: array[int], softmax: bool, pool_ms: int) -> FakeDetector:
        return FakeDetector(self, rules, softmax, pool_ms)

    def feed(self, pcm: Any, start: int = 0) -> int:
        taken = min(len(pcm) - start, self._left)
        self.heard.extend(pcm[start : start + taken])
        self._left -= taken
        self.stepped = self._left == 0
        if self.stepped:
            self._left = STEP
            for i, value in enumerate(self._script(self.steps)):
                self._scores[i] = value
            if self._attend:
                for i, value in enumerate(self._attend(self.steps)):
                    self._attention[i] = value
            self.steps += 1
        return taken


class FakeDetector:
    """soundcore.Detector for a FakeStream: its definition behind the same methods and views."""

    def __init__(self, stream: FakeStream, rules: array[int], softmax: bool, pool_ms: int) -> None:
        self._stream = stream
        self._rules = rules
        metadata = json.loads(stream.metadata)
        metadata["head"] = "softmax" if softmax else "sigmoid"
        metadata["detector"]["pool_ms"] = pool_ms
        self._defined = from_stream(stream, metadata)
        self.scores = self._defined.scores
        self.edge = self._defined.edge
        self.id = self._defined.id
        self.peak = self._defined.peak
        self.ago = [0] * len(self.edge)

    def step(self, now: int) -> int:
        self._defined.thresholds = [Thresholds(*self._rules[i : i + 4]) for i in range(0, len(self._rules), 4)]
        changed = self._defined.step(self._stream.scores, self._stream.attention, now)
        return self._dated(changed, now)

    def close(self, now: int) -> int:
        return self._dated(self._defined.close(now), now)

    def _dated(self, changed: int, now: int) -> int:
        self.ago[:] = [now - time for time in self._defined.time]
        return changed


class Source:
    """Samples from an array, `most` at a time; None after every `pause` reads (0: never)."""

    def __init__(self, pcm: array[int], most: int = 1 << 30, pause: int = 0) -> None:
        self._pcm = memoryview(pcm)
        self._at = 0
        self._most = most
        self._pause = pause
        self._reads = 0
        self.lost = 0

    def readinto(self, buf: Any) -> int | None:
        self._reads += 1
        if self._pause and self._reads % self._pause == 0:
            return None
        n = min(len(buf), len(self._pcm) - self._at, self._most)
        buf[:n] = self._pcm[self._at : self._at + n]
        self._at += n
        return 2 * n
