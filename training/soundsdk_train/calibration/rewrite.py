"""The metadata of a detector file replaced, with every other byte as it was.

A TFLite file is a FlatBuffer: tables refer to their parts by offsets, so the new text is laid behind the file and the
one offset that leads to the old text is changed. The old text is overwritten with zeros; if it was the last part of the
file, as after an earlier change, it is cut off.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from soundsdk.errors import ModelError

_NAME = b"soundsdk"
_ALIGNMENT = 16  # of a buffer's data, by the TFLite schema
# Positions of fields in their tables, by the TFLite schema.
_MODEL_BUFFERS, _MODEL_METADATA = 4, 6
_METADATA_NAME, _METADATA_BUFFER = 0, 1
_BUFFER_DATA = 0


def replace_metadata(file: bytes, metadata: dict[str, Any]) -> bytes:
    """Return the file with other metadata; ModelError if it is not a detector file."""
    text = json.dumps(metadata, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    try:
        field = _data_field(file)
        old = field + _u32(file, field)
        length = _u32(file, old)
        if old + 4 + length > len(file):
            raise ValueError
    except (struct.error, ValueError, IndexError) as error:
        raise ModelError("the file has no metadata that could be replaced.", "Give a detector file.") from error
    out = bytearray(file)
    if old + 4 + length == len(file) and old % _ALIGNMENT == _ALIGNMENT - 4:
        del out[old:]
    else:
        out[old + 4 : old + 4 + length] = bytes(length)
    out += bytes(-(len(out) + 4) % _ALIGNMENT)
    struct.pack_into("<I", out, field, len(out) - field)
    return bytes(out + struct.pack("<I", len(text)) + text)


def _data_field(file: bytes) -> int:
    """Return the position of the offset that leads to the metadata's text."""
    model = _u32(file, 0)
    buffers = _vector(file, model, _MODEL_BUFFERS)
    for entry in _vector(file, model, _MODEL_METADATA):
        at = _field(file, entry, _METADATA_NAME)
        name = at + _u32(file, at)
        if file[name + 4 : name + 4 + _u32(file, name)] == _NAME:
            number = _u32(file, _field(file, entry, _METADATA_BUFFER))
            return _field(file, buffers[number], _BUFFER_DATA)
    raise ValueError


def _field(file: bytes, table: int, number: int) -> int:
    """Return the position of a table's field; ValueError if it is absent."""
    vtable = table - struct.unpack_from("<i", file, table)[0]
    size = struct.unpack_from("<H", file, vtable)[0]
    slot = 4 + 2 * number
    offset = struct.unpack_from("<H", file, vtable + slot)[0] if slot < size else 0
    if not offset:
        raise ValueError
    return int(table + offset)


def _vector(file: bytes, table: int, number: int) -> list[int]:
    """Return the positions of the tables in a field that is a vector of them."""
    at = _field(file, table, number)
    at += _u32(file, at)
    items = range(at + 4, at + 4 + 4 * _u32(file, at), 4)
    return [item + _u32(file, item) for item in items]


def _u32(file: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", file, at)[0])
