"""The outputs of a board: MicroPython's machine, CircuitPython's modules, or stand-ins where there are no pins.

Each maker returns a function that switches its output: level(0) or level(1), tone(hz), 0 for silence. Those functions
allocate nothing. check(pin) raises what its maker would for a GPIO that the chip does not have, and switches nothing;
release(pin) makes an output an input again.
"""


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
    """Return the pins of the board that runs this, or stand-ins. What it is not made of stays out of its memory."""
    try:
        from machine import Pin
    except ImportError:
        Pin = None
    if Pin is not None:
        from .machine_pins import MachinePins

        return MachinePins()
    try:
        import digitalio
    except ImportError:
        return NoPins()
    from .circuit_pins import CircuitPins

    return CircuitPins() if digitalio else NoPins()
