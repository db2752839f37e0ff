"""CircuitPython's serial ports over USB: the second one, for data, if boot.py has enabled it, else the REPL's.

On the REPL's a byte 0x03 is Ctrl-C, as on every MicroPython board; the lines hold none.
"""

import usb_cdc
from micropython import const

_READ = const(256)  # bytes at a time


class UsbPort:
    """read() and write() for Link; neither waits."""

    def __init__(self) -> None:
        serial = usb_cdc.data or usb_cdc.console
        if serial is None:
            raise RuntimeError("boot.py has disabled both serial ports")
        serial.timeout = 0
        serial.write_timeout = 0
        self._serial = serial

    def read(self) -> bytes:
        """Return the bytes that have come in, at most 256."""
        waiting = self._serial.in_waiting
        return self._serial.read(min(waiting, _READ)) if waiting else b""

    def write(self, data: "bytes | memoryview") -> int:
        """Write bytes and return how many the port accepted; without a computer that listens, all are dropped."""
        if not self._serial.connected:
            # Else the lines of yesterday would be the first that a computer gets.
            return len(data)
        return self._serial.write(data)
