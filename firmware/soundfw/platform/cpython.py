"""CPython: the simulator, the firmware as a program, and the host, which runs parts of it. See platform/__init__.py."""

import hashlib

BOARD = ""
PORT = ""
RENAMES_WHOLE = True
TICK_US = 1
SOURCES = (("file", "pcm_file", "File"),)
PLAIN_SOURCES = SOURCES

ticks = ticks_diff = bootloader = None  # the same lines come out of every run
forget = None
sha256 = hashlib.sha256


def const(value):
    """Return the value."""
    return value


def trace_of(error):
    """Return the text of an exception's traceback."""
    import traceback

    return "".join(traceback.format_exception(type(error), error, error.__traceback__, chain=False))


def heap_free():
    """Return 0: there is no such count."""
    return 0


def writable():
    """Return True."""
    return True


def open_port():
    """Return standard input and output as a port."""
    from .stdio_port import Port

    return Port()


def pins():
    """Return None: there are none."""


def time_limit(limit_ms):
    """Return None: there is none."""


def set_clock(mhz):
    """Leave the clock alone: it is the computer's."""


def reset():
    """End the program; what has started it may start it again."""
    raise SystemExit


restart = reset
