"""The application on the board. It runs unchanged on MicroPython >= 1.24 and CPython >= 3.10."""

VERSION = "0.1.0"


class FirmwareError(ValueError):
    """A refusal by the firmware. args == (code, detail), as with soundcore.Error: a dotted code and a sentence."""


def Detector(seconds=0, app=None):
    """Return a library.Detector: `for event in soundfw.Detector(): ...` in a program of the user's own."""
    import sys

    # On use, and by name: the library needs this module.
    __import__("soundfw.library")
    return sys.modules["soundfw.library"].Detector(seconds, app)
