"""Both sides of the wire over a file of lines, in CPython and in MicroPython as it is.

micropython framing.py LINES [BLOCK]

LINES holds 2 bytes of length, little-endian, before each line. Every line goes through the board's Link, and short
messages it accepts through encode and decode again, unless they hold decimals.

Prints for each 1000 lines a CRC over the results and how many messages
there were, then the decimals in them, whose last bit may differ between Pythons. With BLOCK: the results of that block.
"""

import sys
from binascii import crc32

from soundfw.wire.framing import decode, encode
from soundfw.wire.link import Link

BLOCK_LINES = 1000


def shown(value, decimals):
    """Return a text that two values share only if they are equal, decimals aside, which are added to the list."""
    if isinstance(value, dict):
        return "{" + ",".join([shown(key, decimals) + shown(value[key], decimals) for key in sorted(value)]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([shown(item, decimals) for item in value]) + "]"
    if isinstance(value, str):
        return f"{len(value)}:{value}"
    if isinstance(value, float):
        decimals.append(value)
        return "f"
    return repr(value)


def records(path):
    """Yield the lines of a file."""
    with open(path, "rb") as f:
        size = f.read(2)
        while size:
            yield f.read(size[0] | size[1] << 8)
            size = f.read(2)


def board_side():
    """Return a function that gives the messages a line brings to the board."""
    pending = []
    link = Link(len, lambda: pending.pop() if pending else b"")

    def receive(line):
        pending.append(line + b"\n")
        out = []
        message = link.poll()
        while message is not None:
            out.append(message)
            message = link.poll()
        return out

    return receive


def blocks(path, receive):
    """Yield (results, number of messages, decimals) of each block of lines."""
    results, messages, decimals = [], 0, []
    for line in records(path):
        found = receive(line)
        messages += len(found)
        before = len(decimals)
        results.append(shown(found, decimals))
        again = found[0] if len(decimals) == before and len(line) < 300 and len(found) == 1 else None
        if again is not None and decode(encode(again)) != again:
            results[-1] += " encode differs"
        if len(results) == BLOCK_LINES:
            yield results, messages, decimals
            results, messages, decimals = [], 0, []
    if results:
        yield results, messages, decimals


def digest(results):
    """Return the CRC over the results of a block."""
    check = 0
    for result in results:
        check = crc32(result.encode(), check)
    return f"{check:08x}"


if __name__ == "__main__":
    for number, (results, messages, decimals) in enumerate(blocks(sys.argv[1], board_side())):
        if len(sys.argv) == 2:
            print(digest(results), messages, " ".join([repr(value) for value in decimals]))
        elif number == int(sys.argv[2]):
            for result in results:
                print(crc32(result.encode()), result)
