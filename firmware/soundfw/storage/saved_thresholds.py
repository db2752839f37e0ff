"""Thresholds that a host has set and saved: a file on the board, for one model."""

from .. import FirmwareError
from ..detect.thresholds import Thresholds
from . import files

FILE = "set.json"


def file_of(folder, sha256, detector):
    """Return the path and the bytes of the file that keeps the detector's present thresholds."""
    classes = [[t.on, t.off, t.min_ms, t.hold_ms] for t in detector.thresholds]
    return files.join(folder, FILE), files.packed({"sha256": sha256, "classes": classes})


def save(folder, sha256, detector):
    """Save the detector's present thresholds."""
    try:
        files.write(*file_of(folder, sha256, detector))
    except OSError as e:
        raise FirmwareError("set.flash", "the file system fails: " + str(e)[:80])


def apply(folder, sha256, detector):
    """Apply the thresholds saved for this model; FirmwareError, and no change, if they are for another or damaged."""
    values = files.read_json(files.join(folder, FILE))
    if not values:
        return
    if values.get("sha256") != sha256:
        raise FirmwareError("set.model", "the thresholds saved on this board are for another model and not used")
    try:
        saved = [Thresholds(*[int(v) for v in c]) for c in values["classes"]]
        if len(saved) != len(detector.labels):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise FirmwareError("set.kept", "the thresholds saved on this board are damaged and not used")
    detector.thresholds = saved
