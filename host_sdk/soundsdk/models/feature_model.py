"""The INT8 model on features instead of sound, with its states in the hands of the caller."""

from __future__ import annotations

from typing import Any

import numpy as np
import soundcore
from numpy.typing import NDArray

States = list[bytes]


class FeatureModel:
    """One step at a time, as soundcore.Stream runs it: after a step, the outputs that are states become inputs."""

    def __init__(self, model: bytes, metadata: dict[str, Any]) -> None:
        self._model = soundcore.Model(model)
        self._features = self._model.input(metadata["features"])
        self._states = [
            (self._model.input(i), self._model.output(o), self._model.input_quant(i)[1])
            for i, o in metadata.get("states", [])
        ]
        self._scores = self._model.output(metadata["scores"])
        index = metadata.get("attention", -1)
        self._attention = self._model.output(index) if index is not None and index >= 0 else None
        self.scores_quant = self._model.output_quant(metadata["scores"])
        self.attention_quant = self._model.output_quant(index) if self._attention is not None else (0.0, 0)
        self.reset()

    def reset(self) -> None:
        """Set the states to zero, as at power-on."""
        for into, _, zero in self._states:
            into[:] = np.full(len(into), zero, np.int8).data

    def save(self) -> States:
        """Return a copy of the states."""
        return [bytes(into.cast("B")) for into, _, _ in self._states]

    def load(self, states: States) -> None:
        """Set the states to those of an earlier save."""
        for (into, _, _), saved in zip(self._states, states, strict=True):
            into.cast("B")[:] = saved

    def run(self, features: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Run steps, features (steps, hop_frames * width); return logits (steps, classes) and attention (steps, n)."""
        logits = np.empty((len(features), len(self._scores)), np.int8)
        attention = np.zeros((len(features), len(self._attention) if self._attention is not None else 1), np.int8)
        for i, step in enumerate(features):
            self._features[:] = step.data
            self._model.invoke()
            for into, out, _ in self._states:
                into[:] = out
            logits[i] = self._scores
            if self._attention is not None:
                attention[i] = self._attention
        return logits, attention
