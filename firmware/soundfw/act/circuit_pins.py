"""The outputs of a board with CircuitPython; see act.pins."""

from ..platform import const

_HALF = const(32768)  # of the duty of a square wave


class CircuitPins:
    """Pins of CircuitPython, by the numbers of their GPIOs."""

    def __init__(self):
        import digitalio
        import microcontroller
        import pwmio

        self._digitalio = digitalio
        self._pwmio = pwmio
        self._pins = microcontroller.pin
        self._open = {}  # by GPIO, the object that holds it

    def check(self, pin):
        """Raise ValueError if there is no such GPIO."""
        self._named(pin)

    def release(self, pin):
        """Make an output an input again."""
        held = self._open.pop(pin, None)
        if held is not None:
            held.deinit()

    def _named(self, pin):
        for name in ("GPIO%d" % pin, "P0_%02d" % pin):
            if hasattr(self._pins, name):
                return getattr(self._pins, name)
        raise ValueError(pin)

    def level(self, pin, value):
        """Make a GPIO an output that begins with `value`."""
        self.release(pin)
        output = self._open[pin] = self._digitalio.DigitalInOut(self._named(pin))
        output.switch_to_output(value=bool(value))

        def level(on):
            output.value = bool(on)

        return level

    def tone(self, pin, hz):
        """Make a GPIO the output of a square wave. hz: its first."""
        self.release(pin)
        pwm = self._pwmio.PWMOut(self._named(pin), frequency=hz, duty_cycle=0, variable_frequency=True)
        self._open[pin] = pwm

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
