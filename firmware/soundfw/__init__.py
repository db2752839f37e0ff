"""soundfw: the application on the board. Runs unchanged on MicroPython >= 1.24 and CPython >= 3.10."""

VERSION = "0.1.0"
