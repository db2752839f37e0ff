"""Read what a model's metadata say of its detector: labels, head, thresholds, pooling; and their checks."""

from .. import FirmwareError
from ..limits import POOL, THRESHOLDS

_ON, _OFF, _MIN, _HOLD = THRESHOLDS


class Thresholds:
    """The rules by which one class is on; soundfw.settings.THRESHOLDS has their units and ranges."""

    def __init__(self, on=_ON[1], off=_OFF[1], min_ms=_MIN[1], hold_ms=_HOLD[1]):
        self.on = on
        self.off = off
        self.min_ms = min_ms
        self.hold_ms = hold_ms
        self.check()

    def check(self):
        """Raise FirmwareError if a value is out of its range or off is above on."""
        for key, _, low, high in THRESHOLDS:
            value = getattr(self, key)
            if not isinstance(value, int) or isinstance(value, bool):
                raise FirmwareError("detector.value", key + " must be a whole number")
            if not low <= value <= high:
                code = "detector.time" if key[-3:] == "_ms" else "detector.threshold"
                raise FirmwareError(code, "%s must be %d..%d" % (key, low, high))
        if self.off > self.on:
            raise FirmwareError("detector.threshold", "off must not be above on")


def check(head, labels, thresholds, attention, pool_ms):
    """Raise FirmwareError for a head or pooling that does not exist, or for numbers that do not agree."""
    if head not in ("softmax", "sigmoid"):
        raise FirmwareError("detector.head", "head must be softmax or sigmoid")
    if labels == 0 or thresholds != labels or attention not in (0, 1, labels):
        raise FirmwareError("detector.classes", "the number of labels, thresholds and attention logits must agree")
    if not isinstance(pool_ms, int) or not POOL[2] <= pool_ms <= POOL[3]:
        raise FirmwareError("detector.time", "pool_ms must be %d..%d" % POOL[2:])


def described(metadata):
    """Return (labels, head, thresholds, pool_ms) of metadata (dict); FirmwareError if something is missing."""
    try:
        labels = metadata["labels"]
        settings = metadata["detector"]
        thresholds = [Thresholds(c["on"], c["off"], c["min_ms"], c["hold_ms"]) for c in settings["classes"]]
        metadata["frontend"]["rate_hz"]
        head = metadata["head"]
        pool_ms = settings["pool_ms"]
    except (KeyError, TypeError):
        raise FirmwareError("meta.json", "the metadata lacks labels, head or detector settings")
    for label in labels:
        if not isinstance(label, str) or not 0 < len(label.encode()) <= 64:
            raise FirmwareError("meta.labels", "labels must be texts of 1..64 bytes")
    return labels, head, thresholds, pool_ms
