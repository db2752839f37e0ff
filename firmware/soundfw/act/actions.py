"""The actions of a board: each class's rule on its outputs, the board's LED, and the events for a user's program."""

from .. import FirmwareError
from ..platform import const
from ..settings import MIC_PINS
from .outputs import Output, Pattern

_HEARTBEAT_ON_MS = const(50)  # the LED while the board listens
_HEARTBEAT_OFF_MS = const(3950)
_SAFE_MS = const(125)  # on and off in safe mode
_COLOR = (0, 24, 0)  # of an addressable LED: green, and not so bright that it blinds
_WAITING = const(16)  # events that may wait for a user's program


class WaitingEvents:
    """A ring of edges in their order, for a reader that may be slower; those left out are counted in `missed`.

    An event is taken with both of its edges or with neither: its begin needs room for its end as well.
    """

    def __init__(self):
        self._index = [0] * _WAITING
        self._on = [False] * _WAITING
        self._time = [0] * _WAITING
        self._peak = [0] * _WAITING
        self._first = 0
        self._taken = bytearray(64)  # by class: its begin has been taken, its end is to come
        self._ends = 0  # of those, which each have a place
        self.waiting = 0
        self.missed = 0

    def push(self, index, on, time, peak):
        """Append an edge of a class: its index, its time in samples, its score in 1/1000."""
        if on:
            if self.waiting + self._ends + 2 > _WAITING:
                self.missed += 1
                return
            if index >= len(self._taken):
                self._taken += bytearray(index + 1 - len(self._taken))
            self._taken[index] = 1
            self._ends += 1
        elif index < len(self._taken) and self._taken[index]:
            self._taken[index] = 0
            self._ends -= 1
        else:
            self.missed += 1
            return
        i = (self._first + self.waiting) % _WAITING
        self._index[i] = index
        self._on[i] = on
        self._time[i] = time
        self._peak[i] = peak
        self.waiting += 1

    def pop(self):
        """Return the oldest (index, on, time, peak), or None."""
        if not self.waiting:
            return None
        i = self._first
        self._first = (i + 1) % _WAITING
        self.waiting -= 1
        return self._index[i], self._on[i], self._time[i], self._peak[i]


class Actions:
    """The rules of a board and its LED, driven by its events.

    settings: Settings; pins: see act.pins, None: this board's. Rules are read, and pins taken, by start() and
    change(); edge() and step() allocate nothing. `broken` holds what of the settings cannot be carried out, a sentence
    by its name; the rest is. What a board without rules and LED does not need is not loaded.
    """

    def __init__(self, settings, pins):
        self.broken = {}
        self.acted = 0  # events that switched an output
        self.events = None  # WaitingEvents, where a program wants them
        self.hook = None  # user_hook.UserHook, which reads them
        self.settings = settings
        self._pins = pins
        self._labels = ()
        self._rate_hz = 0
        self._texts = {}  # by label
        self._rules = []  # of each class, a tuple of Patterns
        self._outputs = {}  # by GPIO, -1 for the LED
        self._all = ()
        self._active = 0  # events that are on
        self._led = None
        self._led_ruled = False
        self._safe = None
        self._safe_at = 0
        self._listening = None
        self._hearing = None
        if settings.led["kind"] != "none":
            self._open_led(settings.led["kind"], settings.led["pin"])

    def _open_pins(self):
        if self._pins is None:
            from .pins import of_this_python

            self._pins = of_this_python()
        return self._pins

    def _open_led(self, kind, pin):
        for key in MIC_PINS:
            if self.settings.mic.get(key) == pin:
                self.broken["led"] = "led: GPIO %d is the microphone's: mic.%s" % (pin, key)
                return
        pins = self._open_pins()
        try:
            self._led = Output(pins.pixel(pin, _COLOR) if kind == "ws2812" else pins.level(pin, 0))
        except (ValueError, OSError, TypeError, AttributeError) as e:
            self.broken["led"] = "led: this board cannot use GPIO %d: %s" % (pin, str(e)[:60])

    def start(self, labels, rate_hz):
        """Take up the rules of the settings, for a detector's labels; what is wrong with one is in `broken`."""
        self._labels = labels
        self._rate_hz = rate_hz
        if self._led is not None:
            on, off = _HEARTBEAT_ON_MS * rate_hz // 1000, _HEARTBEAT_OFF_MS * rate_hz // 1000
            self._listening = Pattern(self._led, on, off, 0)
            self._hearing = Pattern(self._led, 0, 0, 0)
        texts = self.settings.actions
        if not isinstance(texts, dict):
            self.broken["actions"] = "actions must be an object"
            texts = {}
        self._texts = {}
        known = []
        for label in sorted(texts):
            if label in labels:
                known.append(label)
            else:
                self.broken[label] = "action.%s: the detector has no such label" % label[:64]
        try:
            if known:
                self._take({label: texts[label] for label in known})
        except FirmwareError:
            # One by one: those that are right are carried out.
            for label in known:
                try:
                    self._take({label: texts[label]})
                except FirmwareError as e:
                    self.broken[label] = e.args[1]
        self._show_listening(0)

    def run_hook(self):
        """Call the user's function for the oldest event that waits; return what it raised, as a text, or None."""
        event = self.events.pop() if self.hook is not None else None
        if event is None:
            return None
        index, on, time, peak = event
        return self.hook.call(self._labels[index], "on" if on else "off", time / self._rate_hz, peak / 1000)

    def members(self):
        """Return the counts as members of a status line; empty on a board that has no rules and no function."""
        text = ',"acted":%d' % self.acted if self._texts or self.acted else ""
        hook = self.hook
        if hook is not None:
            text += ',"hook_calls":%d,"hook_errors":%d,"hook_missed":%d,"hook_slow":%d,"hook_us":%d' % (
                hook.calls,
                hook.errors,
                self.events.missed,
                hook.slow,
                hook.read_longest_us(),
            )
        return text

    def text(self, label):
        """Return the rule of a label; empty if it has none."""
        return self._texts.get(label, "")

    def has_rule(self, label):
        """Return True if the settings have a rule for a label, be it of this detector or of another."""
        return label in self._texts or (isinstance(self.settings.actions, dict) and label in self.settings.actions)

    def change(self, texts, now, save=None):
        """Set the rules (dict by label), all or nothing; `none` takes one away. FirmwareError says what is wrong.

        save(): called once the rules are known to work, before they are taken up; what it raises leaves all as it was.
        What an output shows for a rule that stays goes on.
        """
        self._take(texts, save)
        for label in texts:
            self.broken.pop(label, None)
        if self._led is not None and self._led.pattern is None:
            self._show_listening(now)

    def _take(self, texts, save=None):
        """Add rules to those there are and prepare all outputs."""
        from .rules import PinUse, parse

        merged = dict(self._texts)
        merged.update(texts)
        port = getattr(self._pins, "port", None)
        use = PinUse(self.settings.mic, self.settings.led, self.settings.outputs, port)
        parsed = {}
        # The new ones last: a conflict is theirs.
        for label in sorted(merged, key=lambda label: (label in texts, label)):
            name = "action." + label
            try:
                parsed[label] = parse(merged[label])
                use.claim(parsed[label], name)
            except FirmwareError as e:
                raise FirmwareError(e.args[0], "%s: %s" % (name[:71], e.args[1]))
        outputs = self._open_outputs(parsed)
        try:
            rules = self._patterns(merged, parsed, outputs)
            if save:
                save()
        except Exception:
            self._undo(outputs)
            raise
        before = self._all
        self._texts = {label: merged[label] for label in merged if parsed[label]}
        self._rules = rules
        self._outputs = outputs
        self._led_ruled = -1 in outputs
        self._all = tuple([outputs[pin] for pin in outputs if pin >= 0] + ([self._led] if self._led else []))
        shown = [] if self._led_ruled else [self._listening, self._hearing]
        for patterns in rules:
            shown.extend(patterns)
        for output in before:
            # One whose GPIO is now another kind of output has no say in it any more.
            if output.pattern and output.pattern not in shown and (output in self._all or output.gpio not in outputs):
                output.stop()

    def _patterns(self, texts, parsed, outputs):
        """Return the patterns of each class; those of a rule that stays are the same objects."""
        rules = []
        rate = self._rate_hz
        for i in range(len(self._labels)):
            label = self._labels[i]
            if self._rules and texts.get(label, "none") == self._texts.get(label, "none"):
                rules.append(self._rules[i])
                continue
            patterns = []
            for action in parsed.get(label, ()):
                times = [ms * rate // 1000 for ms in (action.on_ms, action.off_ms, action.last_ms)]
                patterns.append(Pattern(outputs[action.pin], *times, action.hz or 1))
            rules.append(tuple(patterns))
        return rules

    def _open_outputs(self, parsed):
        """Return the outputs of rules by GPIO: those there are, where they fit. All are opened, or none."""
        wanted = {}
        for label in self._labels:
            for action in parsed.get(label, ()):
                wanted.setdefault(action.pin, (action, ("action." + label)[:71]))
        # A GPIO that the chip does not have is found before any is switched.
        for pin in wanted:
            if pin < 0 and self._led is None:
                raise FirmwareError("action.led", wanted[pin][1] + ": the LED of this board cannot be used")
            if pin >= 0 and pin not in self._outputs:
                self._try(wanted[pin][1], pin, self._check, pin)
        outputs = {}
        try:
            # Those that are in use last: the others are the ones that may fail.
            for pin in sorted(wanted, key=lambda pin: (pin in self._outputs, pin)):
                action, name = wanted[pin]
                there = self._led if pin < 0 else self._outputs.get(pin)
                if there is None or (pin >= 0 and (there.tone > 0, there.low) != (action.hz > 0, action.low)):
                    switch = self._try(name, pin, self._switch, pin, action.hz, action.low)
                    there = Output(switch, action.low, pin, action.hz)
                outputs[pin] = there
        except Exception:
            self._undo(outputs)
            raise
        return outputs

    def _check(self, pin):
        self._open_pins().check(pin)

    def _switch(self, pin, hz, low):
        pins = self._open_pins()
        return pins.tone(pin, hz) if hz else pins.level(pin, 1 if low else 0)

    def _try(self, name, pin, function, *args):
        try:
            return function(*args)
        except (ValueError, OSError, TypeError, AttributeError) as e:
            raise FirmwareError("action.pin", "%s: this board cannot use GPIO %d: %s" % (name, pin, str(e)[:60]))

    def _undo(self, outputs):
        """Put back what _open_outputs() has opened."""
        for pin in outputs:
            before = self._outputs.get(pin)
            if pin < 0 or outputs[pin] is before:
                continue
            if before is None:
                self._pins.release(pin)
            else:
                before.resume(self._switch(pin, before.tone, before.low))

    def edge(self, index, on, time, peak, now):
        """Carry out the rule of a class whose event begins or ends. time, now: in samples; peak: 1/1000."""
        patterns = self._rules[index] if self._rules else ()
        if patterns and on:
            self.acted += 1
        for pattern in patterns:
            if on:
                pattern.output.start(pattern, now)
            else:
                pattern.output.end(pattern)
        self._active += 1 if on else -1
        if self._led is not None and not self._led_ruled:
            if not on and not self._active:
                self._led.start(self._listening, now)
            elif on and self._active == 1:
                self._led.start(self._hearing, now)
        if self.events is not None:
            self.events.push(index, on, time, peak)

    def step(self, now):
        """Switch the outputs whose time has come, at sample `now`."""
        for output in self._all:
            output.step(now)

    def _show_listening(self, now):
        self._all = self._all or ((self._led,) if self._led else ())
        if self._led is not None and not self._led_ruled and self._listening is not None:
            self._led.start(self._hearing if self._active else self._listening, now)

    def release(self):
        """Make every output idle."""
        for output in self._all:
            output.stop()

    def close(self):
        """Make every output idle for good: the sound has ended."""
        self.release()
        self._active = 0
        self._rules = []

    def show_safe_mode(self, elapsed_ms):
        """Blink the LED in safe mode; to be called often, with the milliseconds since the last call."""
        led = self._led
        if led is None:
            return
        self._safe_at += elapsed_ms
        if self._safe is None:
            self._safe = Pattern(led, _SAFE_MS, _SAFE_MS, 0)
            led.start(self._safe, self._safe_at)
        led.step(self._safe_at)
