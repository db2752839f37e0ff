"""The differences between the Pythons that the firmware runs in: one module for each, with the same names.

    BOARD                   its id, where Python knows it, else empty
    PORT                    MicroPython's name of the chip's family: "rp2", "esp32"; another text elsewhere
    SOURCES                 the microphones: of each its kind, a module of soundfw.mic and its class
    PLAIN_SOURCES           of these, the ones that need no soundcore: what they hear is not filtered
    RENAMES_WHOLE           a rename replaces a file in one piece, whatever cuts the power
    TICK_US                 microseconds of a tick
    ticks()                 a clock that wraps around
    ticks_diff(a, b)        the ticks from b to a; both functions are None where there is no clock
    const(value)            the value; MicroPython's compiler puts the number in place of the name
    trace_of(error)         the text of an exception's traceback
    heap_free()             free bytes of the heap, 0 where Python has no such count
    sha256()                a hash with update() and digest()
    writable()              False while a computer has the board's drive: files can be read only
    open_port()             the board's serial port: read() and write() for wire.link.Link, neither waits
    pins()                  the outputs of this board, see act.pins; None where Python has none
    time_limit(limit_ms)    an end for a function that does not come to one, see time_limit.py; None where there is none
    forget(*names)          let go of modules whose work is done; None where that gives no memory back
    set_clock(mhz)          run the chip at that clock; FirmwareError if it cannot
    reset()                 start again as after power-on
    restart()               start again with an empty memory, and keep the port if that can be
    bootloader()            start the chip's boot loader; None where software cannot

What differs is asked here and nowhere else. What belongs to one chip is in soundfw.mic.
"""

import sys

if sys.implementation.name == "micropython":
    from .micropython import *  # noqa: F403
elif sys.implementation.name == "circuitpython":
    from .circuitpython import *  # noqa: F403
else:
    from .cpython import *  # noqa: F403


def error_text(error, file):
    """Return an exception as a sentence, with the line of a file that raised it if that is known."""
    text = type(error).__name__
    line = ""
    try:
        said = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:  # of a class of the user's own
        said = "its text cannot be had"
    for row in trace_of(error).split("\n"):  # noqa: F405
        if '"' + file + '", line ' in row:
            line = row.split(", line ")[1].split(",")[0]
    if said:
        # CPython's SyntaxError says the line itself.
        text += ": " + said.replace(" (%s, line %s)" % (file, line), "")
    return text[:100] + (" (line %s)" % line if line else "")
