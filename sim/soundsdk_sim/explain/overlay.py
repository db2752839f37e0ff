"""Colour the log-mel by what a score rests on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FOR, _AGAINST = (200, 50, 31), (33, 102, 172)
_FULL = 0.6  # share of the strongest effect at which the overlay is opaque
_LOWEST_EFFECT = 0.5  # log-odds: where no patch does more, the overlay stays pale


def overlay(effect: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return effects (frames, width) as pixels (width, frames, 4): red for, blue against, clearer the stronger."""
    shown = effect.T[::-1]
    full = _FULL * max(float(np.abs(shown).max()), _LOWEST_EFFECT)
    alpha = np.clip(np.abs(shown) / full, 0, 1) ** 0.8
    alpha[np.abs(shown) < 0.06 * full] = 0
    pixels = np.empty((*shown.shape, 4), np.uint8)
    pixels[..., :3] = np.where((shown > 0)[..., None], _FOR, _AGAINST)
    pixels[..., 3] = np.round(200 * alpha)
    return pixels
