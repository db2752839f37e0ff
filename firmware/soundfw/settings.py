"""What a board is told at its start: a JSON file of known keys, all optional."""

import json

from .compat import FirmwareError

# key: (default, lowest, highest); texts have no bounds
_KEYS = {
    "board": ("unknown", None, None),
    "model": ("detector.tflite", None, None),
    "folder": ("", None, None),
    "build": ("", None, None),
    "status_s": (10, 1, 3600),
    "block_samples": (256, 64, 4096),
    "blocks": (4, 2, 64),
    "queue_lines": (32, 4, 256),
}


class Settings:
    """board, model (path), folder (of pushed models; "" for the root), status_s, block_samples, blocks, queue_lines.

    build: of the image, a hash of all that it is made from. mic: dict of pins.
    """

    def __init__(self, values=None):
        values = dict(values or {})
        self.mic = values.pop("mic", {})
        if not isinstance(self.mic, dict):
            raise FirmwareError("settings.mic", "mic must be an object")
        for key in values:
            if key not in _KEYS:
                raise FirmwareError("settings.key", "unknown key " + str(key)[:32])
        for key in _KEYS:
            default, low, high = _KEYS[key]
            value = values.get(key, default)
            if low is None:
                if not isinstance(value, str) or len(value) > 128 or not (value or value == default):
                    raise FirmwareError("settings.value", key + " must be a text of 1..128 characters")
            elif not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise FirmwareError("settings.value", "%s must be %d..%d" % (key, low, high))
            setattr(self, key, value)


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
