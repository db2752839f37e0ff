"""The rules of actions in the settings file of the board: `set` changes them there, and leaves the rest as it is."""

import json

from .. import FirmwareError
from . import files

_NO_FILE = 2  # ENOENT


def _read(path):
    """Return the settings in a file; {} if there is none. Refuse a damaged one."""
    try:
        text = files.read_written(path).decode().strip()
        # MicroPython takes an object that is not closed.
        values = json.loads(text) if text[-1:] == "}" else None
    except OSError as e:
        if e.args and e.args[0] == _NO_FILE:
            return {}
        raise FirmwareError("set.settings", "settings.json cannot be read and stays as it is: " + str(e)[:60])
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise FirmwareError(
            "set.settings", "settings.json on the board is damaged and stays as it is: repair it, or set without keep"
        )
    return values


def save(path, texts, also=None):
    """Write rules (dict by label) into a settings file; `none` takes one out. Rules of other labels stay.

    also: (path, bytes) of another file that is replaced with it, both or none. FirmwareError says what fails, and that
    the file there is damaged: its other settings would be lost.
    """
    values = _read(path)
    rules = values.get("actions")
    rules = rules if isinstance(rules, dict) else {}
    rules.update(texts)
    values["actions"] = {label: rules[label] for label in rules if rules[label] != "none"}
    try:
        if also:
            files.write_both(path, files.packed(values), *also)
        else:
            files.write_json(path, values)
    except OSError as e:
        raise FirmwareError("set.flash", "the file system fails: " + str(e)[:80])
