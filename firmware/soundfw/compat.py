"""What one of the two Pythons lacks."""

try:
    from micropython import const
except ImportError:

    def const(value):
        return value


class FirmwareError(ValueError):
    """What the firmware refuses. args == (code, detail), as with soundcore.Error: a dotted code and a sentence."""
