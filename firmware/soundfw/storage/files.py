"""Small files on the board. After a power cut each holds its old contents or its new ones, whole.

littlefs, MicroPython's own file system, has an atomic rename for that; FAT gets numbered_files.
"""

import json
import os

from .. import FirmwareError, platform


def join(folder, name):
    """Return a file's path; a name that begins with / stays as it is."""
    return name if not folder or name.startswith("/") else folder + "/" + name


def size(path):
    """Return the size in bytes, or -1 if there is no such file."""
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


def remove(path):
    """Remove a file if it is there."""
    try:
        os.remove(path)
    except OSError:
        pass


def write_json(path, value):
    """Replace a file by the JSON of a value, in one piece."""
    write(path, packed(value))


def packed(value):
    """Return a value as the bytes of a JSON file."""
    return json.dumps(value).encode()


def check_writable():
    """Raise FirmwareError while a computer has the board's drive: then the board may only read it."""
    if not platform.writable():
        raise FirmwareError("storage.readonly", "a computer has this board's drive; docs/circuitpython.md says more")


def write(path, data):
    """Replace a file by bytes, in one piece."""
    check_writable()
    if not platform.RENAMES_WHOLE:
        from . import numbered_files

        numbered_files.write(path, data, read)
        return
    _write_new(path, data)
    os.rename(path + ".new", path)


def _write_new(path, data):
    with open(path + ".new", "wb") as f:
        f.write(data)
        f.flush()


def write_both(path, data, other, other_data):
    """Replace two files by bytes, both or none, whatever cuts the power; OSError: none.

    A note beside `path` decides: once it is there, finish() does at the next start what is left to do.
    """
    check_writable()
    if not platform.RENAMES_WHOLE:
        from . import numbered_files

        numbered_files.write_both(path, data, other, other_data, read)
        return
    before = read(path) if size(path) >= 0 else None
    note = path + ".both"
    _write_new(path, data)
    _write_new(other, other_data)
    write(note, other.encode())
    try:
        os.rename(path + ".new", path)
        try:
            os.rename(other + ".new", other)
        except OSError:
            if before is None:
                os.remove(path)
            else:
                write(path, before)
            raise
    finally:
        remove(note)


def finish(path):
    """Finish what a power cut has left of write_both(path, ...). To be called before one of the two files is read."""
    if not platform.RENAMES_WHOLE:
        from . import numbered_files

        if platform.writable():
            numbered_files.finish(path, read)
        return
    note = path + ".both"
    if size(note) < 0:
        return
    try:
        for name in (path, read(note).decode()):
            if size(name + ".new") >= 0:
                os.rename(name + ".new", name)
    except OSError:
        pass  # a file system that fails is for its reader to report
    remove(note)


def read_json(path):
    """Return the object (dict) in a file; empty if there is no file or no object in it."""
    try:
        value = json.loads(read_written(path).decode())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_written(path):
    """Return the bytes that write() wrote last; OSError if there is no such file."""
    if not platform.RENAMES_WHOLE:
        from . import numbered_files

        return numbered_files.newest(path, read)
    return read(path)


def read(path):
    """Return all bytes of a file, in one block of memory."""
    # read() without a size would grow its buffer step by step, to twice the size.
    data = bytearray(max(0, size(path)))
    with open(path, "rb") as f:
        n = f.readinto(data)
    return data if n == len(data) else data[:n]


def free(folder):
    """Return the free bytes of the file system, or None where Python has no such call."""
    if not hasattr(os, "statvfs"):
        return None
    s = os.statvfs(folder or "/")
    # littlefs may count blocks of a full file system twice: the number of free ones is then below 0, and wraps around.
    return s[0] * s[3] if s[3] <= s[2] else 0
