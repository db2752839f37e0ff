"""The test signal of the frontend's golden vectors, made from integers alone.

Runs in CPython and MicroPython, so it uses nothing that one of them lacks.
"""

from array import array

_SECTION = 320


def pcm(samples):
    """Return the first `samples` samples (at least 1) as array('h').

    Sections of 320 samples, in turn: noise, a sawtooth, a square wave, noise on a sawtooth, clicks. Each round of
    five is 12 dB quieter than the one before; the sixth starts at full scale again.
    """
    out = array("h", bytes(2 * samples))  # a list would take twice as much on the way
    word = 1
    phase = 0
    for i in range(samples):
        section = i // _SECTION
        kind = section % 5
        shift = 2 * (section // 5 % 6)
        # Numerical Recipes' generator modulo 2^32.
        word = (word * 1664525 + 1013904223) & 0xFFFFFFFF
        noise = (word >> 16) - 32768
        phase = (phase + 700 + 331 * section) & 0xFFFF
        saw = phase - 32768
        if kind == 0:
            value = noise
        elif kind == 1:
            value = saw
        elif kind == 2:
            value = 32767 if saw >= 0 else -32768
        elif kind == 3:
            value = (noise >> 6) + (saw >> 1)
        else:
            value = noise if i % 40 == 0 else 0
        out[i] = value >> shift
    return out
