"""The outputs of a board: MicroPython's machine, CircuitPython's modules, or stand-ins where there are no pins.

Each maker returns a function that switches its output: level(0) or level(1), tone(hz), 0 for silence. Those functions
allocate nothing.
"""

from ..platform import const

_HALF = const(32768)  # of the duty of a square wave
_WS2812 = (400, 850, 800, 450)  # nanoseconds of a 0 and a 1, high and low: the datasheet's


class MachinePins:
    """Pins of MicroPython's `machine`."""

    def __init__(self):
        import machine

        self._machine = machine

    def level(self, pin, value):
        """Make a GPIO an output that begins with `value`."""
        return self._machine.Pin(pin, self._machine.Pin.OUT, value=value)

    def tone(self, pin):
        """Make a GPIO the output of a square wave."""
        pwm = self._machine.PWM(self._machine.Pin(pin), freq=1000, duty_u16=0)

        def tone(hz):
            if hz:
                pwm.freq(hz)
            pwm.duty_u16(_HALF if hz else 0)

        return tone

    def pixel(self, pin, color):
        """Make a GPIO the data line of one addressable LED with that color: red, green, blue."""
        bitstream = self._machine.bitstream
        line = self._machine.Pin(pin, self._machine.Pin.OUT, value=0)
        lit, dark = bytes((color[1], color[0], color[2])), bytes(3)

        def level(on):
            bitstream(line, 0, _WS2812, lit if on else dark)

        level(0)
        return level


class CircuitPins:
    """Pins of CircuitPython, by the numbers of their GPIOs."""

    def __init__(self):
        import digitalio
        import microcontroller
        import pwmio

        self._digitalio = digitalio
        self._pwmio = pwmio
        self._pins = microcontroller.pin

    def _named(self, pin):
        for name in ("GPIO%d" % pin, "P0_%02d" % pin):
            if hasattr(self._pins, name):
                return getattr(self._pins, name)
        raise ValueError(pin)

    def level(self, pin, value):
        """Make a GPIO an output that begins with `value`."""
        output = self._digitalio.DigitalInOut(self._named(pin))
        output.switch_to_output(value=bool(value))

        def level(on):
            output.value = bool(on)

        return level

    def tone(self, pin):
        """Make a GPIO the output of a square wave."""
        pwm = self._pwmio.PWMOut(self._named(pin), frequency=1000, duty_cycle=0, variable_frequency=True)

        def tone(hz):
            if hz:
                pwm.frequency = hz
            pwm.duty_cycle = _HALF if hz else 0

        return tone

    def pixel(self, pin, color):
        """Make a GPIO the data line of one addressable LED with that color: red, green, blue."""
        import neopixel_write

        line = self._digitalio.DigitalInOut(self._named(pin))
        line.switch_to_output(value=False)
        lit, dark = bytearray((color[1], color[0], color[2])), bytearray(3)

        def level(on):
            neopixel_write.neopixel_write(line, lit if on else dark)

        level(0)
        return level


class NoPins:
    """Stand-ins where Python has no pins: `state` holds what each output would do, by its GPIO."""

    def __init__(self):
        self.state = {}

    def level(self, pin, value):
        """Remember a level."""
        self.state[pin] = value

        def level(on):
            self.state[pin] = on

        return level

    def tone(self, pin):
        """Remember a frequency."""
        return self.level(pin, 0)

    def pixel(self, pin, color):
        """Remember whether it is lit."""
        return self.level(pin, 0)


def of_this_python():
    """Return the pins of the board that runs this, or stand-ins."""
    try:
        from machine import Pin
    except ImportError:
        pass
    else:
        return MachinePins() if Pin else NoPins()
    try:
        return CircuitPins()
    except ImportError:
        return NoPins()
