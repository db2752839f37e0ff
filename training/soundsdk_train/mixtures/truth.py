"""Knowledge of each label at each time of a scene: sounds, does not, or unknown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.datasets import UNKNOWN
from soundsdk_train.run_settings import FrontendSettings

Mask = NDArray[np.bool_]

_GRID = 64  # samples per cell: 4 ms


class SceneTruth:
    """A grid of cells of 4 ms: 0 where a label does not sound, 1 where it does, UNKNOWN where it may."""

    def __init__(self, labels: Sequence[str], length_samples: int) -> None:
        self.labels = list(labels)
        self.cells = np.zeros((length_samples // _GRID + 1, len(labels)), np.uint8)

    def mark_present(self, label: str, start: int, mask: Mask) -> None:
        """Note that a label sounds at the masked samples, counted from sample `start`."""
        cells, chosen = self._cells(label, start, mask)
        cells[chosen] = 1

    def mark_unknown(self, label: str, start: int, mask: Mask) -> None:
        """Note that a label may sound at the masked samples; where it is known to sound, it still does."""
        cells, chosen = self._cells(label, start, mask)
        cells[chosen & (cells != 1)] = UNKNOWN

    def clear(self) -> None:
        """Note that no label sounds anywhere."""
        self.cells[:] = 0

    def frames(self, count: int, frontend: FrontendSettings) -> NDArray[np.uint8]:
        """Return the targets (count, labels) of the frontend's frames, each by its centre."""
        centre = (np.arange(count) * frontend.hop + frontend.window // 2) * (16_000 / frontend.rate_hz)
        return self.cells[np.minimum((centre / _GRID).astype(np.int64), len(self.cells) - 1)]

    def _cells(self, label: str, start: int, mask: Mask) -> tuple[NDArray[np.uint8], Mask]:
        first = start // _GRID
        chosen = mask[::_GRID]
        low, high = max(first, 0), min(first + len(chosen), len(self.cells))
        if high <= low:
            return self.cells[:0, 0], chosen[:0]
        return self.cells[low:high, self.labels.index(label)], chosen[low - first : high - first]
