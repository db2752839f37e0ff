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
MAX_DIGITS = const(18)
MAX_DEPTH = const(8)

_TAIL_BYTES = const(18)  # ,"crc":"01234567"}
_HEX = b"0123456789abcdef"
_ESCAPED = b'"\\/bfnrt'
_ESCAPES = '"\\/\b\f\n\r\t'
_WORDS = ((b"true", True), (b"false", False), (b"null", None))


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
    try:
        _check_bytes(line)
        message, end = _container(line, 0, MAX_DEPTH)
    except (ValueError, IndexError):
        return None
    if end != len(line) or not isinstance(message.get("type"), str):
        return None
    del message["crc"]
    return message


def _check_bytes(line):
    """Raise ValueError for control characters and for what is not UTF-8."""
    if min(line) < 32:
        raise ValueError
    if len(str(line, "utf-8")) == len(line):
        return
    # MicroPython does not see overlong forms, surrogates and what lies above U+10FFFF: the second byte shows them.
    for i in range(len(line)):
        first = line[i]
        if first > 0xBF:
            second = line[i + 1]
            if (
                not 0xC2 <= first <= 0xF4
                or (first == 0xE0 and second < 0xA0)
                or (first == 0xED and second > 0x9F)
                or (first == 0xF0 and second < 0x90)
                or (first == 0xF4 and second > 0x8F)
            ):
                raise ValueError


# Each of these reads what begins at `at` and returns the value and where it ends. ValueError or IndexError: not JSON.


def _value(line, at, depth):
    first = line[at]
    if first == 34:
        return _string(line, at + 1)
    if first == 123 or first == 91:
        return _container(line, at, depth)
    for word, value in _WORDS:
        if first == word[0] and line[at : at + len(word)] == word:
            return value, at + len(word)
    return _number(line, at)


def _container(line, at, depth):
    """Read an object or an array that holds at most `depth` - 1 levels of others."""
    if not depth:
        raise ValueError
    named = line[at] == 123
    close = 125 if named else 93
    out = {} if named else []
    at = _skip(line, at + 1)
    if line[at] == close:
        return out, at + 1
    while True:
        key = None
        if named:
            if line[at] != 34:
                raise ValueError
            key, at = _string(line, at + 1)
            at = _skip(line, at)
            if line[at] != 58 or key in out:
                raise ValueError
            at = _skip(line, at + 1)
        value, at = _value(line, at, depth - 1)
        if named:
            out[key] = value
        else:
            out.append(value)
        at = _skip(line, at)
        if line[at] == close:
            return out, at + 1
        if line[at] != 44:
            raise ValueError
        at = _skip(line, at + 1)


def _skip(line, at):
    while line[at] == 32:
        at += 1
    return at


def _string(line, at):
    """Read a string from behind its opening quote."""
    out = ""
    while True:
        end = line.find(b'"', at)
        if end < 0:
            raise ValueError
        escape = line.find(b"\\", at, end)
        if escape < 0:
            return out + str(line[at:end], "utf-8"), end + 1
        out += str(line[at:escape], "utf-8")
        at = escape + 2
        if line[escape + 1] != 117:
            kind = _ESCAPED.find(line[escape + 1 : at])
            if kind < 0:
                raise ValueError
            out += _ESCAPES[kind]
            continue
        code = _hex4(line, at)
        at += 4
        if 0xD800 <= code <= 0xDFFF:
            low = _hex4(line, at + 2)
            if code > 0xDBFF or line[at : at + 2] != b"\\u" or not 0xDC00 <= low <= 0xDFFF:
                raise ValueError
            code = 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00
            at += 6
        out += chr(code)


def _hex4(line, at):
    code = 0
    for i in range(at, at + 4):
        digit = line[i] | 32 if line[i] > 64 else line[i]
        digit = _HEX.find(bytes((digit,)))
        if digit < 0:
            raise ValueError
        code = code << 4 | digit
    return code


def _number(line, at):
    begin = at
    if line[at] == 45:
        at += 1
    first = at
    at = _digits(line, at)
    whole = at
    if line[at] == 46:
        at = _digits(line, at + 1)
    if at - first - (at > whole) > MAX_DIGITS or (line[first] == 48 and whole - first > 1):
        raise ValueError
    word = str(line[begin:at], "utf-8")
    return float(word) if at > whole else int(word), at


def _digits(line, at):
    """Read one digit or more; return where they end."""
    begin = at
    while 48 <= line[at] <= 57:
        at += 1
    if at == begin:
        raise ValueError
    return at
