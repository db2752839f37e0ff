"""The outputs of a board: those that soundfw.platform has, or stand-ins where there are no pins.

Each maker returns a function that switches its output: level(0) or level(1), tone(hz), 0 for silence. Those functions
allocate nothing. check(pin) raises what its maker would for a GPIO that the chip does not have, and switches nothing;
release(pin) makes an output an input again.
"""

from .. import platform


class NoPins:
    """Stand-ins where Python has no pins: `state` holds what each output would do, by its GPIO.

    port: MicroPython's name of the chip's family that they stand for, whose PWM has limits (see rules.PinUse); or None.
    """

    def __init__(self, port=None):
        self.state = {}
        self.port = port

    def check(self, pin):
        """Accept every GPIO."""

    def release(self, pin):
        """Forget an output."""
        self.state.pop(pin, None)

    def level(self, pin, value):
        """Remember a level."""
        self.state[pin] = value

        def level(on):
            self.state[pin] = on

        return level

    def tone(self, pin, hz):
        """Remember a frequency."""
        return self.level(pin, 0)

    def pixel(self, pin, color):
        """Remember whether it is lit."""
        return self.level(pin, 0)


def of_this_python():
    """Return the pins of the board that runs this, or stand-ins."""
    return platform.pins() or NoPins()
