"""What a board is told at its start: a JSON file of known keys, all optional."""

import json

from . import FirmwareError

# key: (default, lowest, highest), of a choice (default, (those there are)), of any text (default,). Without a default
# (None) the key is needed.
_KEYS = {
    "board": ("unknown",),
    "model": ("detector.tflite",),
    "folder": ("",),
    "build": ("",),
    "status_s": (10, 1, 3600),
    "block_samples": (512, 64, 4096),
    "blocks": (4, 2, 64),
    "queue_lines": (32, 4, 256),
}

# Of an I2S microphone, whatever reads it. id: which of the chip's I2S or PIO blocks.
I2S = {
    "kind": ("i2s", ("i2s",)),
    "id": (0, 0, 1),
    "sck": (None, 0, 48),
    "ws": (None, 0, 48),
    "sd": (None, 0, 48),
    "bits": (32, (16, 24, 32)),
    "channel": ("left", ("left", "right")),
    "shift": (0, 0, 8),
    "dc_shift": (0, 0, 11),
}


def checked(values, keys, where=""):
    """The values (dict) with defaults for those that lack; FirmwareError names the one that is wrong, after `where`."""
    for key in values:
        if key not in keys:
            raise FirmwareError("settings.key", "unknown key " + where + str(key)[:32])
    out = {}
    for key in keys:
        rule = keys[key]
        if key not in values and rule[0] is None:
            raise FirmwareError("settings.value", where + key + " is missing")
        value = values.get(key, rule[0])
        if len(rule) == 1:
            if not isinstance(value, str) or len(value) > 128 or not (value or value == rule[0]):
                raise FirmwareError("settings.value", where + key + " must be a text of 1..128 characters")
        elif len(rule) == 2:
            if type(value) is not type(rule[1][0]) or value not in rule[1]:
                names = ", ".join([str(v) for v in rule[1]])
                raise FirmwareError("settings.value", "%s%s must be one of %s" % (where, key, names))
        elif not isinstance(value, int) or isinstance(value, bool) or not rule[1] <= value <= rule[2]:
            raise FirmwareError("settings.value", "%s%s must be %d..%d" % (where, key, rule[1], rule[2]))
        out[key] = value
    return out


class Settings:
    """board, model (path), folder (of pushed models; "" for the root), status_s, block_samples, blocks, queue_lines.

    build: of the image, a hash of all that it is made from. mic: dict of pins.
    """

    def __init__(self, values=None):
        values = dict(values or {})
        self.mic = values.pop("mic", {})
        if not isinstance(self.mic, dict):
            raise FirmwareError("settings.mic", "mic must be an object")
        values = checked(values, _KEYS)
        for key in values:
            setattr(self, key, values[key])


def of_board():
    """What the image knows of its board: its id and microphone. Empty where there is no image."""
    try:
        from soundboard import SETTINGS
    except ImportError:
        return {}
    return dict(SETTINGS)


def load(path):
    """Settings from a JSON file, in place of those of the board; these and the defaults if there is no such file."""
    try:
        with open(path) as f:
            values = json.load(f)
    except OSError:
        return Settings(of_board())
    except ValueError:
        raise FirmwareError("settings.json", path + " is not valid JSON")
    if not isinstance(values, dict):
        raise FirmwareError("settings.json", path + " must hold one object")
    merged = of_board()
    merged.update(values)
    return Settings(merged)
