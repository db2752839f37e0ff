"""The differences between the Pythons the firmware runs in."""

try:
    from micropython import const
except ImportError:

    def const(value):
        """Return the value; MicroPython's compiler puts the number in place of the name."""
        return value
