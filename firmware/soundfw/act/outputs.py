"""One output of a board, switched by a pattern. Time is counted in samples; in safe mode, in milliseconds."""


class Pattern:
    """A pattern in the unit of time that its output is stepped with. off 0: on without a break; last 0: until it ends.

    hz: what the output gets while it is on: the frequency of a tone, 1 for a level.
    """

    def __init__(self, output, on, off, last, hz=1):
        self.output = output
        self.on = on
        self.off = off
        self.last = last
        self.hz = hz


class Output:
    """An output and the pattern it shows: the newest one that was started. switch: see act.pins. Nothing allocates.

    low: the output is idle at 1. gpio: its number, -1 for the LED; tone: its first frequency if it is a
    buzzer's, else 0. pattern: what it shows, None while it is idle.
    """

    def __init__(self, switch, low=False, gpio=-1, tone=0):
        self._switch = switch
        self._idle = 1 if low else 0
        self.low = low
        self.gpio = gpio
        self.tone = tone
        self.pattern = None
        self._up = False
        self._until = -1
        self._turn = -1

    def start(self, pattern, now):
        """Show a pattern from now on, in place of another."""
        self.pattern = pattern
        self._until = now + pattern.last if pattern.last else -1
        self._turn = now + pattern.on if pattern.off else -1
        self._set(True)

    def end(self, pattern):
        """End a pattern that goes on until its event ends; without effect if another one has taken its place."""
        if self.pattern is pattern and self._until < 0:
            self.stop()

    def stop(self):
        """Make the output idle."""
        self.pattern = None
        self._set(False)

    def resume(self, switch):
        """Go on with another switch."""
        self._switch = switch
        self._set(self._up)

    def step(self, now):
        """Switch the output if it is time to."""
        pattern = self.pattern
        if pattern is None:
            return
        if 0 <= self._until <= now:
            self.stop()
        elif 0 <= self._turn <= now:
            self._set(not self._up)
            self._turn += pattern.on if self._up else pattern.off
            if self._turn <= now:
                # The board was held up for longer than that.
                self._turn = now + (pattern.on if self._up else pattern.off)

    def _set(self, up):
        self._up = up
        if not up:
            self._switch(self._idle)
        elif self.low:
            self._switch(0)
        else:
            self._switch(self.pattern.hz)
