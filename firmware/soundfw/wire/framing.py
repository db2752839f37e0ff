"""The format of a line on the wire. Board and host run this module, so they accept and refuse the same lines.

A line is one JSON object in UTF-8, at most MAX_LINE_BYTES long without its line ends. Its first byte is `{` and its
last member `"crc"`: the CRC-32, 8 lower-case hex digits, of all bytes before `,"crc"`. JSON (RFC 8259) is narrowed so
that a 32-bit MicroPython and CPython read the same values:

- no control characters (below U+0020) anywhere; white space is the space
- numbers have no exponent and at most MAX_DIGITS digits, those after the point included
- values nest at most MAX_DEPTH deep; no object has a key twice; escaped surrogates come in pairs

Neither side uses its Python's own parser: MicroPython's reads commas and colons as white space, CPython's accepts NaN.
"""

import json
from binascii import crc32

from ..platform import const

MAX_LINE_BYTES = const(1024)
MAX_RAW_BYTES = const(1026)  # of a line and its carriage returns

_TAIL_BYTES = const(18)  # ,"crc":"01234567"}


def text(value):
    """Return a str as JSON, quotes included; U+FFFD stands for a lone surrogate, which UTF-8 does not have."""
    out = '"'
    for c in value:
        if c == '"' or c == "\\":
            out += "\\" + c
        elif ord(c) < 32:
            out += "\\u%04x" % ord(c)
        elif 0xD800 <= ord(c) < 0xE000:
            out += "\ufffd"
        else:
            out += c
    return out + '"'


def decimal(value, digits):
    """Return value / 10**digits with exactly that many digits after the point (1 or more)."""
    unit = 10**digits
    magnitude = -value if value < 0 else value
    tail = str(unit + magnitude % unit)[1:]
    return "%s%d.%s" % ("-" if value < 0 else "", magnitude // unit, tail)


def seal(body):
    """Return the line (bytes) for a JSON object without its last brace (str). Its length is for the caller to check."""
    data = body.encode()
    return data + b',"crc":"%08x"}' % crc32(data)


def encode(message):
    """Return the line for a message, in the order of its members (which MicroPython's dict does not keep).

    Raise ValueError for what decode would not return as it is: a message without a text `type` or with a `crc`, a
    line that is too long, a number or a nesting out of bounds.
    """
    if "crc" in message:
        raise ValueError("a message must not bring its own crc")
    line = seal(json.dumps(message, separators=(",", ":"))[:-1])
    if len(line) > MAX_LINE_BYTES:
        raise ValueError("a line of %d bytes is longer than %d" % (len(line), MAX_LINE_BYTES))
    if decode(line) is None:
        raise ValueError("a message must be within the wire's bounds")
    return line


def decode(line):
    """Return the message (dict, without its crc) in a line, line ends allowed; None if it is refused."""
    if len(line) > MAX_RAW_BYTES:
        return None
    line = line.strip(b"\r\n")
    if not _TAIL_BYTES < len(line) <= MAX_LINE_BYTES or line[0] != 123:
        return None
    body = line[:-_TAIL_BYTES]
    if line[-_TAIL_BYTES:] != b',"crc":"%08x"}' % crc32(body):
        return None
    # On use: a board that nobody asks anything does without.
    from .parsing import parsed

    message = parsed(line)
    if message is None or not isinstance(message.get("type"), str):
        return None
    del message["crc"]
    return message
