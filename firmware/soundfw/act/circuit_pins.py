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
