"""The JSON of a line; see framing.py, which says how it is narrowed, and why neither side uses its Python's parser."""

from . import MAX_DEPTH, MAX_DIGITS

_HEX = b"0123456789abcdef"
_ESCAPED = b'"\\/bfnrt'
_ESCAPES = '"\\/\b\f\n\r\t'
_WORDS = ((b"true", True), (b"false", False), (b"null", None))


def parsed(line):
    """Return the object (dict) that a line is; None if it is anything else, or not JSON as narrowed."""
    try:
        _check_bytes(line)
        message, end = _container(line, 0, MAX_DEPTH)
    except (ValueError, IndexError):
        return None
    return message if end == len(line) else None


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
