"""Tables of rules for values, and the check of values against one.

A rule is

    (key, default, lowest, highest)    a whole number
    (key, default, (choices))
    (key, default, most)               a string of at most that many characters

and a key whose default is None is required.
"""

from . import FirmwareError

# Thresholds of one class. on, off: 1/1000 of probability, off at most on; times in milliseconds of sound.
THRESHOLDS = (
    ("on", 500, 1, 1000),
    ("off", 300, 1, 1000),
    ("min_ms", 0, 0, 60000),
    ("hold_ms", 500, 0, 60000),
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
