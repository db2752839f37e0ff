"""An end for a user's function that does not come to one, where MicroPython has timers: as if Ctrl-C were pressed.

A timer's callback cannot raise into the program it interrupts. But a stream of the REPL can deliver Ctrl-C: for a
moment the callback makes such a stream of this object.
"""

import io
import os

from machine import Timer

_CTRL_C = 3


class TimeLimit(io.IOBase):
    """Raises KeyboardInterrupt in what runs between start() and stop(), after `limit_ms` and again and again.

    `fired` is true if it has. NotImplementedError where the port lacks what this needs.
    """

    def __init__(self, limit_ms):
        if not hasattr(os, "dupterm_notify"):
            raise NotImplementedError
        try:
            self._timer = Timer(-1)
        except ValueError:
            self._timer = Timer(0)
        self._limit_ms = limit_ms
        self._armed = False
        self._sent = True
        self.fired = False

    def start(self):
        """Begin the time."""
        self.fired = False
        self._armed = True
        self._timer.init(mode=Timer.PERIODIC, period=self._limit_ms, callback=self._fire)

    def stop(self):
        """End the time. An interrupt that is on its way arrives before this returns."""
        self._armed = False
        self._timer.deinit()
        if self.fired:
            for _ in range(100):
                pass

    def _fire(self, timer):
        if not self._armed:
            return
        self.fired = True
        self._sent = False
        before = os.dupterm(self)
        try:
            os.dupterm_notify(None)
        finally:
            os.dupterm(before)

    def readinto(self, buf):
        """Deliver Ctrl-C once."""
        if self._sent:
            return None
        self._sent = True
        buf[0] = _CTRL_C
        return 1

    def write(self, data):
        """Ignore what is printed meanwhile."""
        return len(data)
