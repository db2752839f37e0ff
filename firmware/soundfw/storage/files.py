"""Small files on the board, each either as it was or as it is to be, wherever the power fails.

A file system with atomic rename is needed; littlefs, MicroPython's own, has it.
"""

import json
import os


def join(folder, name):
    """A file's path; a name that begins with / stays as it is."""
    return name if not folder or name.startswith("/") else folder + "/" + name


def size(path):
    """Bytes, or -1 if there is no such file."""
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


def remove(path):
    """Whether it was there or not."""
    try:
        os.remove(path)
    except OSError:
        pass


def write_json(path, value):
    """Replaces the file in one piece."""
    new = path + ".new"
    with open(new, "w") as f:
        f.write(json.dumps(value))
        f.flush()
    os.rename(new, path)


def read_json(path):
    """The object (dict) in the file; empty if there is none or it is no object."""
    try:
        with open(path) as f:
            value = json.load(f)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read(path):
    """All bytes in one block of memory."""
    # read() without a size would grow its buffer step by step, to twice what is needed.
    data = bytearray(max(0, size(path)))
    with open(path, "rb") as f:
        n = f.readinto(data)
    return data if n == len(data) else data[:n]


def free(folder):
    """Free bytes, or None where Python does not tell."""
    if not hasattr(os, "statvfs"):
        return None
    s = os.statvfs(folder or "/")
    return s[0] * s[3]
