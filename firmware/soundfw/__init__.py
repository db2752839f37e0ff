"""The application on the board. It runs unchanged on MicroPython >= 1.24 and CPython >= 3.10."""

VERSION = "0.1.0"


class FirmwareError(ValueError):
    """A refusal by the firmware. args == (code, detail), as with soundcore.Error: a dotted code and a sentence."""


def __getattr__(name):
    """Load the library on use: the application imports this module before there is one."""
    if name != "Detector":
        raise AttributeError(name)
    import sys

    __import__("soundfw.library")
    return sys.modules["soundfw.library"].Detector
