"""MicroPython; see platform/__init__.py for the names."""

import gc
import hashlib
import sys

try:
    from micropython import const
except ImportError:  # left out of small builds

    def const(value):
        """Return the value."""
        return value


try:
    from time import ticks_diff
    from time import ticks_us as ticks
except ImportError:  # QEMU's port
    ticks = ticks_diff = None

try:
    from machine import bootloader
except ImportError:
    bootloader = None

BOARD = ""
PORT = sys.platform
RENAMES_WHOLE = True  # littlefs
TICK_US = 1
if PORT == "rp2":
    SOURCES = (("i2s", "i2s_pio", "I2s"), ("pdm", "pdm", "Pdm"), ("adc", "adc", "Adc"), ("file", "pcm_file", "File"))
else:
    SOURCES = (("i2s", "i2s", "I2s"), ("file", "pcm_file", "File"), ("memory", "pcm_memory", "Memory"))
PLAIN_SOURCES = SOURCES  # they all have soundcore

heap_free = gc.mem_free
sha256 = hashlib.sha256


def trace_of(error):
    """Return the text of an exception's traceback."""
    import io

    trace = io.StringIO()
    try:
        sys.print_exception(error, trace)
    except KeyboardInterrupt:
        raise
    except BaseException:
        pass  # of a class of the user's own; the lines come before the text
    return trace.getvalue()


def writable():
    """Return True: no computer takes the drive away."""
    return True


def open_port():
    """Return the port that the REPL uses, so that Ctrl-C and mpremote keep working."""
    from .stdio_port import Port

    return Port()


def pins():
    """Return the outputs of `machine`, or None where it has none."""
    try:
        from machine import Pin
    except ImportError:
        return None
    from .machine_pins import MachinePins

    return MachinePins() if Pin else None


def time_limit(limit_ms):
    """Return a TimeLimit, or None where the port has none."""
    try:
        from .time_limit import TimeLimit

        return TimeLimit(limit_ms)
    except (ImportError, NotImplementedError, AttributeError, TypeError, ValueError, OSError):
        return None


def set_clock(mhz):
    """Run the chip at that clock; FirmwareError "settings.clock" if it cannot."""
    try:
        if PORT == "rp2":
            from .rp2_clock import set_clock as set_rp2_clock

            set_rp2_clock(mhz)
        else:
            from machine import freq

            freq(mhz * 1000000)
    except (ImportError, ValueError):
        from .. import FirmwareError

        raise FirmwareError("settings.clock", "this board cannot run at %d MHz" % mhz)


def reset():
    """Start again as after power-on."""
    import machine

    machine.reset()


def restart():
    """Start again with an empty memory; the port stays open."""
    import machine

    machine.soft_reset()


def forget(*names):
    """Let go of modules of soundfw, such as "storage.files": the next import loads them again."""
    for name in names:
        name = "soundfw." + name
        if sys.modules.pop(name, None) is not None:
            package, _, name = name.rpartition(".")
            delattr(sys.modules[package], name)
