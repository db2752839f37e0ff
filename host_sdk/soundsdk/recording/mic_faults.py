"""Faults of a microphone, found in a few seconds of its sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HUM_HZ = (50.0, 60.0)
QUIET_DBFS = -75.0  # the RMS of a room in which someone speaks is far above it with any microphone
_HUM_SHARE = 0.2  # of all power
_HUM_LINE_DB = 15.0  # a line above what is beside it
_MIN_HUM_S = 2.0


@dataclass(frozen=True)
class Fault:
    """One fault. name: a word for programs; sentence: the finding; hint: what to do."""

    name: str
    sentence: str
    hint: str


def examine(pcm: NDArray[np.int16], rate_hz: int) -> list[Fault]:
    """Find the faults of a recording of at least a second, the clearest first; none if it is sound.

    pcm: the samples of the microphone, not decoded ones, because single bits matter. A few gaps only hide hum.
    """
    dead = _dead(pcm)
    if dead:
        return [dead]
    x = pcm.astype(np.float64)
    found = [_channel(pcm), _bytes_swapped(pcm), _wrapped(x), _low_bits(pcm)]
    # Garbled samples look like every other fault as well.
    garbled = [fault for fault in found if fault]
    if garbled:
        return garbled[:1]
    return [fault for fault in (_clipped(pcm), _offset(x), find_hum(pcm, rate_hz), _quiet(x)) if fault]


def _rms(x: NDArray[np.float64]) -> float:
    return float(np.sqrt((x * x).mean()))


def _dead(pcm: NDArray[np.int16]) -> Fault | None:
    value = int(pcm[0])
    if (pcm != value).any():
        return None
    if value == 0:
        return Fault(
            "silent",
            "every sample is 0: nothing arrives from the microphone.",
            "Check its power and data wire, the pins in settings.json, and its L/R wire, which selects the channel.",
        )
    if value == -1:
        return Fault(
            "ones",
            "every bit is 1: the data wire stays high.",
            "The data pin is not connected to the microphone, or to another pin than settings.json says.",
        )
    return Fault(
        "constant",
        f"every sample is {value}: the microphone does not run.",
        "Check the clock wires (SCK and WS) and their pins in settings.json.",
    )


def _channel(pcm: NDArray[np.int16]) -> Fault | None:
    """Detect that every second sample is constant: a stereo frame read as mono, the microphone in one half of it."""
    halves = [pcm[0 : len(pcm) // 2 * 2 : 2].astype(np.float64), pcm[1::2].astype(np.float64)]
    spread = [float(half.std()) for half in halves]
    if min(spread) <= 0.05 * max(spread) and max(spread) > 8:
        return Fault(
            "channel",
            "every second sample is empty: both channels are read, and the microphone is on one of them.",
            "Set the channel of the microphone in settings.json to the one its L/R wire selects.",
        )
    return None


def _roughness(x: NDArray[np.float64]) -> float:
    """Return the power of the differences over that of the samples: 2 for white noise, small for smooth sound."""
    power = float(x.var())
    return float(np.diff(x).var()) / power if power > 0 else 0.0


def _bytes_swapped(pcm: NDArray[np.int16]) -> Fault | None:
    swapped = pcm.byteswap().astype(np.float64)
    if _roughness(pcm.astype(np.float64)) > 1.5 and 0 < _roughness(swapped) < 0.5:
        return Fault(
            "bytes", "the two bytes of every sample are swapped.", "Flash the firmware made for this board again."
        )
    return None


def _wrapped(x: NDArray[np.float64]) -> Fault | None:
    """Detect a shift too far to the left: sound beyond the range comes in again at its other end."""
    steps = np.diff(x)
    jumps = np.abs(steps) > 40000
    # Rare: a loud tone of high pitch jumps at nearly every sample.
    if not max(3, len(x) // 20000) <= np.count_nonzero(jumps) <= len(x) // 5:
        return None
    smooth = steps - 65536 * np.rint(steps / 65536)
    # A loud sound of high pitch jumps as far, but stays rough when the jumps are undone.
    if float(smooth.var()) < 0.25 * float(steps.var()) and np.ptp(np.concatenate([[0.0], np.cumsum(smooth)])) > 65536:
        return Fault(
            "shift",
            "the sound leaves the range of its samples and comes in at the other end: it is shifted too far.",
            "Lower the microphone's shift (gain) in settings.json.",
        )
    return None


def _low_bits(pcm: NDArray[np.int16]) -> Fault | None:
    used = int(np.bitwise_or.reduce(pcm ^ pcm[0]))
    used &= 0xFFFF
    empty = (used & -used).bit_length() - 1
    if empty >= 2:
        return Fault(
            "shift",
            f"the lowest {empty} bits of every sample never change: the sound is shifted too far to the left.",
            "Set the microphone's bits and shift in settings.json as its data sheet says.",
        )
    return None


def _clipped(pcm: NDArray[np.int16]) -> Fault | None:
    """Detect plateaus of three samples or more at the extremes."""
    stuck = 0
    for extreme in (int(pcm.max()), int(pcm.min())):
        if abs(extreme) < 2000:
            continue
        near = np.abs(pcm.astype(np.int32) - extreme) <= 1
        stuck += int(np.count_nonzero(near[:-2] & near[1:-1] & near[2:]))
    if stuck < max(6, len(pcm) // 4000):
        return None
    return Fault(
        "clipping",
        f"the loudest parts are cut off flat ({100 * stuck / len(pcm):.1f} % of the samples).",
        "Lower the microphone's shift (gain) in settings.json, or keep it further from the sound.",
    )


def _offset(x: NDArray[np.float64]) -> Fault | None:
    mean = float(x.mean())
    if abs(mean) > 1000 or (abs(mean) > 200 and abs(mean) > 2 * float(x.std())):
        return Fault(
            "dc",
            f"the samples lie around {mean:.0f} instead of 0.",
            "Turn on the microphone's DC block in settings.json; if it has one, its supply or ground is not clean.",
        )
    return None


def find_hum(pcm: NDArray[np.int16], rate_hz: int) -> Fault | None:
    """Detect narrow lines at a mains frequency and its harmonics that hold a fair share of all power.

    pcm: without gaps, two seconds or more; decoded samples will do.
    """
    if len(pcm) < _MIN_HUM_S * rate_hz:
        return None
    x = pcm.astype(np.float64)
    window = np.hanning(len(x))
    power = np.abs(np.fft.rfft((x - x.mean()) * window)) ** 2
    hz_bin = rate_hz / len(x)
    total = float(power[int(15 / hz_bin) :].sum())
    if total <= 0 or _rms(x - x.mean()) < 4:
        return None

    def line(hz: float) -> tuple[float, bool]:
        near = slice(int((hz - 1.2) / hz_bin), int((hz + 1.2) / hz_bin) + 2)
        beside = np.concatenate(
            [
                power[int((hz - 8) / hz_bin) : int((hz - 3) / hz_bin) + 1],
                power[int((hz + 3) / hz_bin) : int((hz + 8) / hz_bin) + 1],
            ]
        )
        level = float(np.median(beside)) + 1e-9
        return float(power[near].sum()), float(power[near].max()) > 10 ** (_HUM_LINE_DB / 10) * level

    for mains in HUM_HZ:
        lines = [line(mains * k) for k in range(1, 11)]
        strong = [k for k, (_, is_line) in enumerate(lines) if is_line]
        share = sum(lines[k][0] for k in strong) / total
        if share > _HUM_SHARE and len(strong) >= 3 and (0 in strong or 1 in strong):
            return Fault(
                "hum",
                f"{100 * share:.0f} % of the sound is mains hum at {mains:.0f} Hz and its harmonics.",
                "Keep the microphone's wires short and away from power supplies; try another supply or a laptop.",
            )
    return None


def _quiet(x: NDArray[np.float64]) -> Fault | None:
    level = 20 * np.log10(max(_rms(x - x.mean()), 1e-3) / (32768 / np.sqrt(2)))
    if level < QUIET_DBFS:
        return Fault(
            "quiet",
            f"there is hardly any sound ({level:.0f} dBFS): a wrong shift, or the room was silent.",
            "Speak or clap during the test; if it stays so, raise the microphone's shift (gain) in settings.json.",
        )
    return None
