"""An end for a user's function that does not come to one, by CircuitPython's watchdog: it raises WatchDogTimeout."""

from watchdog import WatchDogMode, WatchDogTimer

_LONGEST_S = 8  # of the RP2040's watchdog


class WatchdogLimit:
    """Raises WatchDogTimeout in what runs between start() and stop(), once, after `limit_ms` or what the chip can.

    `fired` stays False: what it raises is no KeyboardInterrupt and needs no telling apart.
    """

    fired = False

    def __init__(self, watchdog: WatchDogTimer, limit_ms: int) -> None:
        self._watchdog = watchdog
        self._limit_s = limit_ms / 1000

    def start(self) -> None:
        """Begin the time."""
        try:
            self._watchdog.timeout = self._limit_s
        except ValueError:
            self._limit_s = _LONGEST_S
            self._watchdog.timeout = self._limit_s
        self._watchdog.mode = WatchDogMode.RAISE

    def stop(self) -> None:
        """End the time."""
        self._watchdog.mode = None
