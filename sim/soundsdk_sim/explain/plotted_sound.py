"""The sound of a picture, kept while it is played; of a long one its beginning, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST_S = 1800  # the picture of half an hour with the detector `home` takes 490 MB


class PlottedSound:
    """Blocks of mono int16 samples as they come, of which the first most_s seconds are kept. cut: there were more."""

    def __init__(self, blocks: Iterator[NDArray[np.int16]], rate_hz: int, most_s: float = MOST_S) -> None:
        self._blocks = blocks
        self._room = round(most_s * rate_hz)
        self._kept: list[NDArray[np.int16]] = []
        self.cut = False

    def __iter__(self) -> Iterator[NDArray[np.int16]]:
        for block in self._blocks:
            if self._room:
                self._kept.append(block[: self._room].copy())
            self.cut = self.cut or len(block) > self._room
            self._room -= min(len(block), self._room)
            yield block

    def sound(self) -> NDArray[np.int16]:
        """Return what was kept so far, (samples)."""
        return np.concatenate([np.zeros(0, np.int16), *self._kept])
