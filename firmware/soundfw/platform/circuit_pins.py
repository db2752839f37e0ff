"""The outputs of a board with CircuitPython; see act.pins."""

import digitalio
import microcontroller
import pwmio
from micropython import const

_HALF = const(32768)  # of the duty of a square wave


def gpio(number: int) -> microcontroller.Pin:
    """Return the pin of a GPIO; ValueError if the chip has none of that number."""
    # The stubs leave this one out: its names are the chip's.
    names = microcontroller.pin  # type: ignore[attr-defined]
    for name in ("GPIO%d" % number, "P%d_%02d" % (number // 32, number % 32)):
        if hasattr(names, name):
            pin: microcontroller.Pin = getattr(names, name)
            return pin
    raise ValueError("this chip has no GPIO %d" % number)


class CircuitPins:
    """Pins of CircuitPython, by the numbers of their GPIOs."""

    def __init__(self) -> None:
        self._open: dict[int, "digitalio.DigitalInOut | pwmio.PWMOut"] = {}  # by GPIO, what holds it

    def check(self, pin: int) -> None:
        """Raise ValueError if there is no such GPIO."""
        gpio(pin)

    def release(self, pin: int) -> None:
        """Make an output an input again."""
        held = self._open.pop(pin, None)
        if held is not None:
            held.deinit()

    def level(self, pin: int, value: int) -> object:
        """Make a GPIO an output that begins with `value`."""
        self.release(pin)
        output = self._open[pin] = digitalio.DigitalInOut(gpio(pin))
        output.switch_to_output(value=bool(value))

        def level(on: int) -> None:
            output.value = bool(on)

        return level

    def tone(self, pin: int, hz: int) -> object:
        """Make a GPIO the output of a square wave. hz: its first."""
        self.release(pin)
        pwm = pwmio.PWMOut(gpio(pin), frequency=hz, duty_cycle=0, variable_frequency=True)
        self._open[pin] = pwm

        def tone(hz: int) -> None:
            if hz:
                pwm.frequency = hz
            pwm.duty_cycle = _HALF if hz else 0

        return tone

    def pixel(self, pin: int, color: tuple[int, int, int]) -> object:
        """Make a GPIO the data line of one addressable LED with that color: red, green, blue."""
        from neopixel_write import neopixel_write

        line = digitalio.DigitalInOut(gpio(pin))
        line.switch_to_output(value=False)
        lit, dark = bytearray((color[1], color[0], color[2])), bytearray(3)

        def level(on: int) -> None:
            neopixel_write(line, lit if on else dark)

        level(0)
        return level
