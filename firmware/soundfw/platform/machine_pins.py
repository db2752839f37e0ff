"""The outputs of a board with MicroPython; see act.pins."""

_HALF = 32768  # of the duty of a square wave
_WS2812 = (400, 850, 800, 450)  # nanoseconds of a 0 and a 1, high and low: the datasheet's


class MachinePins:
    """Pins of MicroPython's `machine`."""

    def __init__(self):
        import machine

        self._machine = machine

    def check(self, pin):
        """Raise ValueError if there is no such GPIO."""
        self._machine.Pin(pin)

    def release(self, pin):
        """Make an output an input again."""
        self._machine.Pin(pin, self._machine.Pin.IN)

    def level(self, pin, value):
        """Make a GPIO an output that begins with `value`."""
        return self._machine.Pin(pin, self._machine.Pin.OUT, value=value)

    def tone(self, pin, hz):
        """Make a GPIO the output of a square wave. hz: its first; a GPIO beside it may be sounding at that already."""
        pwm = self._machine.PWM(self._machine.Pin(pin), freq=hz, duty_u16=0)

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
