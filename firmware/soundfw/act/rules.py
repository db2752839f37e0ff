"""The rules of actions, one text for each class: `pin:15,high,2s+led,blink`. Board and host run this module.

    RULE    = ACTION, or up to four joined by +
    ACTION  = pin:N[,high|low][,PATTERN]    a level; low: the pin is high while it does nothing
              led[,PATTERN]                 the board's own LED
              tone:N[,HZhz][,PATTERN]       a square wave for a buzzer
    PATTERN = [on][,LAST]                   on for that long; without LAST, while the event lasts
              pulse[,WIDTH[,COUNT]]         COUNT times on and off for WIDTH each
              blink[,PERIOD[,LAST]]         on for half of each PERIOD
    LAST    = TIME or event; TIME, WIDTH and PERIOD are numbers with ms or s: 250ms, 2s, 0.5s

The text `none` stands for no rule. soundfw.settings.ACTIONS has the ranges.
"""

from .. import FirmwareError
from ..platform import PORT, const
from ..settings import ACTION_CHARACTERS, ACTIONS, MIC_PINS

_MOST = const(4)  # actions in one rule

_FORMS = "write pin:N,high,2s or led,blink or tone:N,880hz; several with + between them"


class Action:
    """One action of a rule. output: "pin", "led" or "tone"; pin: its GPIO, -1 for the LED; low: it is on when low.

    on_ms, off_ms: of a pattern that repeats; off_ms 0: it is on without a break. last_ms: of the whole, 0: the event's.
    """

    def __init__(self, output, pin, low, hz, on_ms, off_ms, last_ms):
        self.output = output
        self.pin = pin
        self.low = low
        self.hz = hz
        self.on_ms = on_ms
        self.off_ms = off_ms
        self.last_ms = last_ms


def _range(key):
    for rule in ACTIONS:
        if rule[0] == key:
            return rule
    raise KeyError(key)


def _shown(key, value):
    if key[-3:] != "_ms":
        return str(value)
    return "%ds" % (value // 1000) if value >= 1000 and value % 1000 == 0 else "%dms" % value


def _refuse(key, word):
    """Raise the error of a value that is not in the range of a key of ACTIONS."""
    _, _, low, high = _range(key)
    name = key[:-3] if key[-3:] == "_ms" else key
    more = " or event" if key == "last_ms" else ""
    raise FirmwareError(
        "action." + name,
        "%s must be %s..%s%s, not %s" % (name, _shown(key, low), _shown(key, high), more, word[:16] or "nothing"),
    )


def _whole(word):
    """Return the whole number that a word of digits is; -1 for any other word."""
    if not 0 < len(word) <= 9:
        return -1
    for c in word:
        if c not in "0123456789":
            return -1
    return int(word)


def _number(key, word):
    value = _whole(word)
    _, _, low, high = _range(key)
    if not low <= value <= high:
        _refuse(key, word)
    return value


def _time(key, word):
    """Return the milliseconds of 250ms, 2s or 0.5s."""
    value = -1
    if word[-2:] == "ms":
        value = _whole(word[:-2])
    elif word[-1:] == "s":
        seconds, point, part = word[:-1].partition(".")
        if not point:
            value = _whole(seconds) * 1000
        elif 0 < len(part) <= 3 and _whole(seconds) >= 0 and _whole(part) >= 0:
            value = _whole(seconds) * 1000 + _whole((part + "00")[:3])
    _, _, low, high = _range(key)
    if not low <= value <= high:
        _refuse(key, word)
    return value


def _last(words):
    """Consume LAST; return its milliseconds, 0 for as long as the event lasts."""
    word = words.pop(0) if words else "event"
    return 0 if word == "event" else _time("last_ms", word)


def _pattern(words):
    """Consume PATTERN and return (on_ms, off_ms, last_ms)."""
    word = words[0] if words else "on"
    if word in ("on", "pulse", "blink"):
        words = words[1:]
    if word == "pulse":
        width = _time("width_ms", words.pop(0)) if words else _range("width_ms")[1]
        count = _number("count", words.pop(0)) if words else _range("count")[1]
        out = (width, width, (2 * count - 1) * width)
    elif word == "blink":
        period = _time("period_ms", words.pop(0)) if words else _range("period_ms")[1]
        out = (period // 2, period - period // 2, _last(words))
    else:
        out = (0, 0, _last(words))
    if words:
        raise FirmwareError("action.form", "%s is too much there" % words[0][:16])
    return out


def _action(text):
    words = [word.strip() for word in text.lower().split(",")]
    output, colon, pin = words.pop(0).partition(":")
    number, low, hz = -1, False, 0
    if output in ("pin", "tone"):
        if not colon:
            raise FirmwareError("action.pin", "%s must be followed by : and the number of a GPIO" % output)
        number = _number("pin", pin)
    elif output != "led" or colon:
        raise FirmwareError("action.form", "%s is no action: %s" % (text.strip()[:24] or "nothing", _FORMS))
    if output == "pin" and words and words[0] in ("high", "low"):
        low = words.pop(0) == "low"
    if output == "tone":
        hz = _range("hz")[1]
        if words and words[0][-2:] == "hz":
            hz = _number("hz", words.pop(0)[:-2])
    return Action(output, number, low, hz, *_pattern(words))


def parse(text):
    """Return the actions of a rule; FirmwareError says what is wrong in it, with the range. `none` has none."""
    if not isinstance(text, str) or not 0 < len(text) <= ACTION_CHARACTERS:
        raise FirmwareError("action.form", "a rule must be a text of 1..%d characters" % ACTION_CHARACTERS)
    if text.strip() == "none":
        return []
    parts = text.split("+")
    if len(parts) > _MOST:
        raise FirmwareError("action.form", "a rule has at most %d actions" % _MOST)
    return [_action(part) for part in parts]


def _pwm(pin):
    """Return the PWM slice of a GPIO and its output there, on RP2040 and RP2350 (the datasheets' tables of GPIOs)."""
    return (pin >> 1 & 7 if pin < 32 else 8 + (pin >> 1 & 3)), pin & 1


class PinUse:
    """The GPIOs of a board that are taken. mic, led: dicts as in the settings; free: those for rules, () for any.

    port: MicroPython's name of the chip's family, default: this; on rp2 the GPIOs of a PWM slice have one frequency.
    """

    def __init__(self, mic, led, free=(), port=None):
        self._mic = mic
        self._led = led
        self._free = free
        self._slices = (port or PORT) == "rp2"
        self._tones = []  # of each tone: its GPIO, its frequency, the name of its rule
        self._used = {}  # by GPIO, (how it is used, the name of the rule that does)

    def claim(self, actions, name):
        """Take the pins of a rule's actions; FirmwareError, and none is taken, if one of them is not to be had."""
        new = {}
        tones = []
        for action in actions:
            if action.output == "led":
                if self._led.get("kind", "none") == "none":
                    raise FirmwareError("action.led", "this board has no LED that a rule can switch")
                continue
            pin = action.pin
            for key in MIC_PINS:
                if self._mic.get(key) == pin:
                    raise FirmwareError("action.pin", "GPIO %d is the microphone's: mic.%s" % (pin, key))
            if self._led.get("kind", "none") != "none" and self._led.get("pin") == pin:
                raise FirmwareError("action.pin", "GPIO %d is the board's LED: write led" % pin)
            if self._free and pin not in self._free:
                taken = [self._mic.get(key) for key in MIC_PINS]
                free = [n for n in self._free if n not in taken]
                raise FirmwareError(
                    "action.pin", "GPIO %d of this board is not free; these are: %s" % (pin, spans(free))
                )
            use = "tone" if action.output == "tone" else "low" if action.low else "high"
            before = new.get(pin) or self._used.get(pin)
            if before and before[0] != use:
                raise FirmwareError(
                    "action.pin", "GPIO %d is %s for %s: it cannot be %s here" % (pin, before[0], before[1][:64], use)
                )
            new[pin] = (use, name)
            if use == "tone" and self._slices:
                self._check_slice(pin, action.hz, self._tones + tones)
                tones.append((pin, action.hz, name))
        self._used.update(new)
        self._tones += tones

    def _check_slice(self, pin, hz, tones):
        for other, other_hz, name in tones:
            ours, theirs = _pwm(pin), _pwm(other)
            if other == pin or ours[0] != theirs[0]:
                continue
            if ours == theirs:
                what = "are one PWM output, and %d is a tone for %s" % (other, name[:48])
            elif other_hz != hz:
                what = "share one frequency, and %d is %dhz for %s" % (other, other_hz, name[:48])
            else:
                continue
            raise FirmwareError("action.hz", "GPIO %d and %d %s: use another GPIO" % (pin, other, what))


def spans(numbers):
    """Return sorted numbers as a text, such as 0-22, 26-28."""
    out = []
    for n in numbers:
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ", ".join(["%d-%d" % (a, b) if b > a else str(a) for a, b in out])
