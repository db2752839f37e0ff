"""Lines to and from the host."""

MAX_DIGITS = 18  # of a number, see framing.py
MAX_DEPTH = 8  # of values in others
