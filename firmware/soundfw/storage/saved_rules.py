"""The rules of actions in the settings file of the board: `set` changes them there, and leaves the rest as it is."""

from .. import FirmwareError
from . import files


def save(path, texts):
    """Write rules (dict by label) into a settings file; `none` takes one out. Rules of other labels stay."""
    values = files.read_json(path)
    rules = values.get("actions")
    rules = rules if isinstance(rules, dict) else {}
    rules.update(texts)
    values["actions"] = {label: rules[label] for label in rules if rules[label] != "none"}
    try:
        files.write_json(path, values)
    except OSError as e:
        raise FirmwareError("set.flash", "the file system fails: " + str(e)[:80])
