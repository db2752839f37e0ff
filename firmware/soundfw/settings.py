"""The settings of a board: a JSON file of known keys, all optional.

The tables hold every key with its default and range, in one place: the host's `set`, its board files and the training
read them, too. They are tuples of constants, which stay in flash; limits.py says what a rule of them is. This module
goes once a board has started.
"""

import json

from . import FirmwareError
from .limits import POOL, THRESHOLDS, checked  # noqa: F401
from .mic_settings import MICROPHONES, microphone  # noqa: F401
from .platform import BOARD

SETTINGS = (
    ("board", "unknown", 128),  # its id
    ("model", "detector.tflite", 128),  # path of a detector that comes before the one in the image
    ("folder", "", 128),  # of pushed models and saved thresholds; "" for the root
    ("build", "", 128),  # of the image: a hash of all that it is made from
    ("status_s", 10, 1, 3600),  # seconds of sound between status lines
    ("block_samples", 512, 64, 4096),
    ("queue_lines", 32, 4, 256),  # lines that may wait for the host
    ("clock_mhz", 0, 0, 400),  # of the chip; 0: as Python has set it
)

MIC_PINS = ("sck", "ws", "sd", "clk", "data", "pin")  # the keys of mic_settings that name a GPIO

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


def _is_gpio(pin):
    return isinstance(pin, int) and not isinstance(pin, bool) and ACTIONS[0][2] <= pin <= ACTIONS[0][3]


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
