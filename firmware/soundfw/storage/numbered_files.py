"""Small files on FAT, where a rename does not replace a file in one piece: two numbered ones, of which one is whole.

NAME.1 and NAME.2 are written in turn, each with its number and a CRC-32; the whole one with the highest number counts.
A file called NAME itself is one that somebody has put on the drive. Each numbered file says which contents of it it
followed, so whoever edits NAME later has the last word. The same contents again are no edit, unless the board has
written after another one.

    4 bytes   magic
    3 x u32   (little-endian) number; CRC-32 of NAME's contents at that time, 0 for no such file and 1 for contents
              whose CRC-32 is 0; CRC-32 of the 12 bytes before this one and of the contents
    contents
"""

import os
import struct
from binascii import crc32

_HEAD = "<4sIII"
_HEAD_BYTES = 16
_MAGIC = b"sdk\1"
_MOST = 0xFFFFFFFF  # the number after it is 1
_NOTE = ".both"
_NOTE_HEAD = "<HI"
_NOTE_HEAD_BYTES = 6


def _contents(path, read):
    try:
        return read(path)
    except OSError:
        return None


def _whole(path, read):
    """Return (number, CRC-32 of what it followed, contents) of a numbered file; None if it is torn or not there."""
    data = _contents(path, read)
    if data is None or len(data) < _HEAD_BYTES:
        return None
    magic, number, followed, crc = struct.unpack_from(_HEAD, data)
    if magic != _MAGIC or crc32(data[_HEAD_BYTES:], crc32(data[: _HEAD_BYTES - 4])) != crc:
        return None
    return number, followed, data[_HEAD_BYTES:]


def _found(path, read):
    """Return the plain file's contents, its mark, both numbered files, and the index of the one that counts or -1."""
    plain = _contents(path, read)
    followed = (crc32(plain) or 1) if plain is not None else 0
    both = [_whole(path + ".1", read), _whole(path + ".2", read)]
    counts = -1
    for i in (0, 1):
        one = both[i]
        if one is not None and one[1] == followed and (counts < 0 or one[0] > both[counts][0]):
            counts = i
    return plain, followed, both, counts


def newest(path, read):
    """Return the contents of the file; OSError if there is none. read(path) returns the bytes of one on the drive."""
    plain, _, both, counts = _found(path, read)
    if counts >= 0:
        return both[counts][2]
    if plain is None:
        raise OSError(2, "ENOENT")
    return plain


def write(path, data, read):
    """Replace the contents in one piece: after a power cut they are the old or the new ones. read: see newest()."""
    _, followed, both, counts = _found(path, read)
    number = 1 + max([one[0] for one in both if one is not None] or [0]) % _MOST
    head = struct.pack(_HEAD, _MAGIC, number, followed, 0)[: _HEAD_BYTES - 4]
    names = (path + ".2", path + ".1") if counts == 0 else (path + ".1", path + ".2")
    with open(names[0], "wb") as f:
        f.write(head + struct.pack("<I", crc32(data, crc32(head))) + data)
        f.flush()
    other = both[0 if counts == 0 else 1]
    if other is not None and (other[1] != followed or other[0] >= number):
        os.remove(names[1])  # or it counts when NAME is again what it followed, or by its number


def _discard(path):
    for name in (path + ".1", path + ".2"):
        try:
            os.remove(name)
        except OSError:
            pass


def write_both(path, data, other, other_data, read):
    """Replace the contents of two JSON files, both or none, whatever cuts the power; OSError: none.

    A note beside `path` holds both: once it is whole, finish() writes at the next start what is not there yet.
    """
    try:
        before = newest(path, read)
    except OSError:
        before = b"{}"  # all of these files hold an object, and read like this without one
    name = other.encode()
    write(path + _NOTE, struct.pack(_NOTE_HEAD, len(name), len(data)) + name + data + other_data, read)
    try:
        write(path, data, read)
        try:
            write(other, other_data, read)
        except OSError:
            write(path, before, read)
            raise
    finally:
        _discard(path + _NOTE)


def finish(path, read):
    """Finish what a power cut has left of write_both(path, ...). To be called before one of the two files is read."""
    try:
        parts = _parts(newest(path + _NOTE, read))
        if parts is not None:
            data, other, other_data = parts
            write(path, data, read)
            write(other, other_data, read)
        _discard(path + _NOTE)
    except OSError:
        pass  # there is no note, or a file system that fails, which is for its reader to report


def _parts(note):
    """Return what a note of write_both() holds: data, other, other_data; None for one that it has not written."""
    if len(note) < _NOTE_HEAD_BYTES:
        return None
    length, size = struct.unpack_from(_NOTE_HEAD, note)
    begin = _NOTE_HEAD_BYTES + length
    if not length or begin + size > len(note):
        return None
    try:
        name = bytes(note[_NOTE_HEAD_BYTES:begin]).decode()
    except ValueError:
        return None
    return note[begin : begin + size], name, note[begin + size :]
