"""CircuitPython; see platform/__init__.py for the names. mypy checks this file against CircuitPython's stubs."""

import gc
import hashlib
import sys
import traceback

import board
import microcontroller
import storage
import supervisor
from micropython import const

_WRAP = const((1 << 29) - 1)  # of supervisor.ticks_ms
_HALF = const(1 << 28)

BOARD = board.board_id
PORT = "rp2" if sys.platform[:2] == "RP" else sys.platform  # "RP2040", "RP2350"
RENAMES_WHOLE = False  # FAT: a rename onto a file removes that one first
TICK_US = 1000
SOURCES = (
    ("i2s", "circuit_i2s", "CircuitI2s"),
    ("pdm", "circuit_pdm", "CircuitPdm"),
    ("file", "pcm_file", "File"),
)
PLAIN_SOURCES = (
    ("i2s", "circuit_i2s", "PlainI2s"),
    ("pdm", "circuit_pdm", "PlainPdm"),
    ("file", "pcm_file", "File"),
)

ticks = supervisor.ticks_ms
heap_free = gc.mem_free
forget = None  # soundfw is in the image


def ticks_diff(a: int, b: int) -> int:
    """Return the ticks from b to a, which lie less than 2^28 apart."""
    return ((a - b + _HALF) & _WRAP) - _HALF


def sha256() -> hashlib.Hash:
    """Return a new hash."""
    return hashlib.new("sha256")


def trace_of(error: BaseException) -> str:
    """Return the text of an exception's traceback."""
    # The stub asks for `value` as well, which its own text calls optional.
    return "".join(traceback.format_exception(error))  # type: ignore[call-arg]


def writable() -> bool:
    """Return False while a computer has the drive, which is when it is mounted there: then it alone may write."""
    return not storage.getmount("/").readonly


def open_port() -> object:
    """Return the second serial port if boot.py has enabled it, else the REPL's."""
    from .circuit_port import UsbPort

    return UsbPort()


def pins() -> object:
    """Return the outputs of this board."""
    from .circuit_pins import CircuitPins

    return CircuitPins()


def time_limit(limit_ms: int) -> object:
    """Return a limit that the watchdog sets; None where there is none, or a program of the user's uses it."""
    watchdog = microcontroller.watchdog
    if watchdog is None or watchdog.mode is not None:
        return None
    from .circuit_watchdog import WatchdogLimit

    return WatchdogLimit(watchdog, limit_ms)


def set_clock(mhz: int) -> None:
    """Run the chip at that clock; FirmwareError "settings.clock" if it cannot, or if its USB would end."""
    try:
        if mhz < 48:
            raise ValueError
        microcontroller.cpu.frequency = mhz * 1000000
    except (AttributeError, NotImplementedError, RuntimeError, ValueError) as e:
        from soundfw import FirmwareError

        raise FirmwareError("settings.clock", "this board cannot run at %d MHz" % mhz) from e


def reset() -> None:
    """Start again as after power-on."""
    microcontroller.reset()


def restart() -> None:
    """Start code.py again; the ports stay open."""
    supervisor.reload()


def bootloader() -> None:
    """Start the chip's boot loader: as a drive for UF2 files, where the chip has one."""
    modes = microcontroller.RunMode
    try:
        microcontroller.on_next_reset(modes.UF2)
    except (AttributeError, ValueError, NotImplementedError):
        microcontroller.on_next_reset(modes.BOOTLOADER)
    microcontroller.reset()
