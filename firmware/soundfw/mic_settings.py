"""The settings of microphones."""

from .limits import checked

_CHANNELS = ("left", "right")

# By kind, the keys besides `kind`. Pins are numbers of GPIOs. shift: gain in steps of 6.02 dB. dc_shift: a high-pass at
# rate / (2 pi 2^dc_shift), 0 for none; soundcore refuses 1 to 3.
MICROPHONES = (
    (
        "i2s",
        (
            ("id", 0, 0, 1),  # which of the chip's I2S peripherals or PIO blocks
            ("sck", None, 0, 48),
            ("ws", None, 0, 48),
            ("sd", None, 0, 48),
            ("bits", 32, (16, 24, 32)),
            ("channel", "left", _CHANNELS),
            ("shift", 0, 0, 8),
            ("dc_shift", 0, 0, 11),
        ),
    ),
    (
        "pdm",
        (
            ("clk", None, 0, 48),
            ("data", None, 0, 48),
            ("channel", "left", _CHANNELS),
            ("shift", 0, 0, 8),
            ("dc_shift", 8, 0, 11),
        ),
    ),
    (
        "adc",
        (
            ("pin", None, 26, 29),
            ("shift", 0, 0, 8),
            ("dc_shift", 8, 4, 11),  # its samples are never without an offset
        ),
    ),
)


def microphone(kind, values):
    """Return the checked settings of a microphone of a kind in MICROPHONES; `kind` in `values` is ignored."""
    values = dict(values)
    values.pop("kind", None)
    return checked(values, dict(MICROPHONES)[kind], "mic.")
