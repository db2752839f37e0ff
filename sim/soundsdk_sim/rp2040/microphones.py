"""The microphones an emulated board may have, and the bits of a PDM one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from soundsdk.boards import Board
from soundsdk.errors import UsageError

PDM_OVERSAMPLING = 64


def _check(fits: bool, message: str) -> None:
    if not fits:
        raise UsageError(message)


@dataclass(frozen=True)
class I2sMicrophone:
    """An I2S microphone: GPIO numbers, the channel it sends in ("both": two of them), its resolution in bits.

    An int16 sample is the top 16 of those bits, which are left-justified in slots of 32.
    """

    kind: ClassVar[str] = "i2s"
    sck: int
    ws: int
    sd: int
    channel: Literal["left", "right", "both"] = "left"
    bits: int = 24

    def __post_init__(self) -> None:
        pins = {self.sck, self.ws, self.sd} & set(range(30))
        _check(len(pins) == 3, "an I2S microphone needs three different pins of 0..29.")
        _check(self.channel in ("left", "right", "both"), "an I2S microphone's channel is left, right or both.")
        _check(16 <= self.bits <= 32, "an I2S microphone's resolution is 16..32 bits.")


@dataclass(frozen=True)
class PdmMicrophone:
    """A PDM microphone: GPIO numbers, and "left" if its L/R pin is low. Its sound is bits, see `modulate`."""

    kind: ClassVar[str] = "pdm"
    clk: int
    data: int
    channel: Literal["left", "right"] = "left"

    def __post_init__(self) -> None:
        _check(len({self.clk, self.data} & set(range(30))) == 2, "a PDM microphone needs two different pins of 0..29.")
        _check(self.channel in ("left", "right"), "a PDM microphone's channel is left or right.")


@dataclass(frozen=True)
class AdcMicrophone:
    """An analogue microphone on the ADC: its GPIO, 26..29. A conversion has the upper 12 bits of a sample."""

    kind: ClassVar[str] = "adc"
    pin: int

    def __post_init__(self) -> None:
        _check(26 <= self.pin < 30, "an analogue microphone needs a pin of 26..29.")


def microphone_of(board: Board) -> I2sMicrophone:
    """Return the I2S microphone a board file names; UsageError if it has none, or one of another kind."""
    mic = board.mic
    if mic is None or mic.kind != "i2s" or mic.sck is None or mic.ws is None or mic.sd is None:
        raise UsageError(
            f"the microphone of {board.name} is not an I2S microphone.", "Only those are emulated here: use rpi_pico."
        )
    return I2sMicrophone(mic.sck, mic.ws, mic.sd, "right" if mic.channel == "right" else "left", mic.bits or 24)


def modulate(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return the bits of a second-order sigma-delta modulator at 64 times the rate, 16 to a number.

    Sound between two samples is interpolated linearly. Two delaying integrators with gains of 1/2 precede a one-bit
    quantizer: B. E. Boser and B. A. Wooley, "The design of sigma-delta modulation analog-to-digital converters", 1988.
    Above about -2 dBFS such a modulator overloads.
    """
    at = np.arange(len(pcm) * PDM_OVERSAMPLING) / PDM_OVERSAMPLING
    x = np.interp(at, np.arange(len(pcm)), pcm / 32768.0)
    bits = np.empty(len(x), np.uint8)
    first = second = 0.0
    for i, u in enumerate(x.tolist()):
        y = 1.0 if second >= 0 else -1.0
        bits[i] = y > 0
        second += 0.5 * (first - y)
        first += 0.5 * (u - y)
    return np.packbits(bits).view(">i2").astype(np.int16)
