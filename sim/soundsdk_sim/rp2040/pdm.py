"""Sound as the bits of a PDM microphone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

OVERSAMPLING = 64


def modulate(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """Bits of a second-order sigma-delta modulator at 64 times the rate, as PdmMicrophone is fed: 16 to a number.

    Between the samples the sound goes straight. Two delaying integrators with gains of 1/2 before a quantizer of one
    bit: B. E. Boser and B. A. Wooley, "The design of sigma-delta modulation analog-to-digital converters", 1988.
    Above about -2 dBFS such a modulator overloads.
    """
    at = np.arange(len(pcm) * OVERSAMPLING) / OVERSAMPLING
    x = np.interp(at, np.arange(len(pcm)), pcm / 32768.0)
    bits = np.empty(len(x), np.uint8)
    first = second = 0.0
    for i, u in enumerate(x.tolist()):
        y = 1.0 if second >= 0 else -1.0
        bits[i] = y > 0
        second += 0.5 * (first - y)
        first += 0.5 * (u - y)
    return np.packbits(bits).view(">i2").astype(np.int16)
