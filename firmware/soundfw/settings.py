"""The settings of a board: a JSON file of known keys, all optional.

The tables here hold every key with its default and range, in one place: the host's `set`, its board files and the
training read them, too. They are tuples of constants, which stay in flash. A rule is

    (key, default, lowest, highest)    a whole number
    (key, default, (choices))
    (key, default, most)               a string of at most that many characters

and a key whose default is None is required.
"""

import json

from . import FirmwareError
from .platform import BOARD

SETTINGS = (
    ("board", "unknown", 128),  # its id
    ("model", "detector.tflite", 128),  # path of a detector that comes before the one in the image
    ("folder", "", 128),  # of pushed models and saved thresholds; "" for the root
    ("build", "", 128),  # of the image: a hash of all that it is made from
    ("status_s", 10, 1, 3600),  # seconds of sound between status lines
    ("block_samples", 512, 64, 4096),
    ("blocks", 4, 2, 64),  # between the microphone and the detector
    ("queue_lines", 32, 4, 256),  # lines that may wait for the host
)

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

MIC_PINS = ("sck", "ws", "sd", "clk", "data", "pin")  # those of the keys above that name a GPIO

# Thresholds of one class. on, off: 1/1000 of probability, off at most on; times in milliseconds of sound.
THRESHOLDS = (
    ("on", 500, 1, 1000),
    ("off", 300, 1, 1000),
    ("min_ms", 0, 0, 60000),
    ("hold_ms", 500, 0, 60000),
)

# Of one action in a rule (soundfw.act.rules); pin: a GPIO.
ACTIONS = (
    ("pin", None, 0, 48),
    ("hz", 880, 20, 20000),
    ("last_ms", 0, 20, 3600000),  # 0: while the event lasts
    ("width_ms", 100, 50, 60000),
    ("count", 1, 1, 100),
    ("period_ms", 500, 100, 60000),
)
ACTION_CHARACTERS = 128  # of a rule

# The board's own LED, as in the board file. gpio: lit when high; ws2812: addressable; none: leave it alone.
LED = (
    ("kind", "none", ("gpio", "ws2812", "none")),
    ("pin", 0, 0, 48),
)

# Of a detector: the time constant of its pooling, in milliseconds; 0 for none.
POOL = ("pool_ms", 0, 0, 60000)


def checked(values, rules, where=""):
    """Return the values (dict) with defaults for missing keys; FirmwareError names the wrong one, after `where`."""
    known = [rule[0] for rule in rules]
    for key in values:
        if key not in known:
            raise FirmwareError("settings.key", "unknown key " + where + str(key)[:32])
    out = {}
    for rule in rules:
        key, default, bound = rule[:3]
        if key not in values and default is None:
            raise FirmwareError("settings.value", where + key + " is missing")
        value = values.get(key, default)
        if isinstance(bound, tuple):
            if type(value) is not type(bound[0]) or value not in bound:
                names = ", ".join([str(v) for v in bound])
                raise FirmwareError("settings.value", "%s%s must be one of %s" % (where, key, names))
        elif len(rule) == 3:
            if not isinstance(value, str) or len(value) > bound or not (value or value == default):
                raise FirmwareError("settings.value", "%s%s must be a text of 1..%d characters" % (where, key, bound))
        elif not isinstance(value, int) or isinstance(value, bool) or not bound <= value <= rule[3]:
            raise FirmwareError("settings.value", "%s%s must be %d..%d" % (where, key, bound, rule[3]))
        out[key] = value
    return out


def _is_gpio(pin):
    return isinstance(pin, int) and not isinstance(pin, bool) and ACTIONS[0][2] <= pin <= ACTIONS[0][3]


def microphone(kind, values):
    """Return the checked settings of a microphone of a kind in MICROPHONES; `kind` in `values` is ignored."""
    values = dict(values)
    values.pop("kind", None)
    return checked(values, dict(MICROPHONES)[kind], "mic.")


class Settings:
    """The checked settings: an attribute for each key of SETTINGS, and `mic`, the dict that names the microphone.

    led: the checked dict that names the board's LED. outputs: the GPIOs that rules may switch; empty: any. actions: by
    label, as it was given: a rule that is wrong stops nothing. file: the file they are from, or where rules are kept.
    """

    def __init__(self, values=None, file=""):
        values = dict(values or {})
        self.file = file
        self.actions = values.pop("actions", {})
        self.outputs = values.pop("outputs", ())
        if not isinstance(self.outputs, (list, tuple)) or not all(_is_gpio(pin) for pin in self.outputs):
            raise FirmwareError("settings.value", "outputs must be a list of GPIOs, each %d..%d" % ACTIONS[0][2:])
        led = values.pop("led", {})
        if not isinstance(led, dict):
            raise FirmwareError("settings.led", "led must be an object")
        self.led = checked(led, LED, "led.")
        self.mic = values.pop("mic", {})
        if not isinstance(self.mic, dict):
            raise FirmwareError("settings.mic", "mic must be an object")
        values = checked(values, SETTINGS)
        for key in values:
            setattr(self, key, values[key])


def of_board():
    """Return what the image knows of its board: its id and microphone. Of another image its id at most."""
    try:
        from soundboard import SETTINGS
    except ImportError:
        return {"board": BOARD} if BOARD else {}
    return dict(SETTINGS)


def _read(path):
    with open(path, "rb") as f:
        return f.read()


def load(path, known=None, read=_read):
    """Return the settings of a JSON file over those that are known (default: the image's); without a file those.

    read: the function that returns the bytes of the file.
    """
    merged = of_board() if known is None else dict(known)
    try:
        values = json.loads(read(path).decode())
    except OSError:
        return Settings(merged, path)
    except ValueError:
        raise FirmwareError("settings.json", path + " is not valid JSON")
    if not isinstance(values, dict):
        raise FirmwareError("settings.json", path + " must hold one object")
    merged.update(values)
    return Settings(merged, path)
