"""The descriptor of an image: a block of bytes before the detector that names board, firmware and detector.

    16 bytes  b"soundsdk image 1"
    3 x u32   (little-endian) where the detector begins, counted from here; its size; CRC-32 of the facts
    facts     a JSON object of texts: board, fw, model (its name), sha256 (of the detector); zeros up to the detector

A program that reads the image finds it whatever format the image has, as long as its bytes lie in one piece.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import struct
from dataclasses import dataclass

MAGIC = b"soundsdk image 1"
ALIGN = 16  # of the detector, as soundcore wants it
_HEAD = struct.Struct("<16s3I")
_FACTS = ("board", "fw", "model", "sha256")
_LONGEST = 1024


@dataclass(frozen=True)
class Descriptor:
    """The facts in an image, and the detector in it. fw: the firmware's version, with its hash after a plus sign."""

    board: str
    fw: str
    model: str
    sha256: str
    detector: bytes


def pack(board: str, fw: str, model: str, detector: bytes) -> bytes:
    """Return the block, whose length is a multiple of ALIGN; the detector has to follow it."""
    facts = {"board": board, "fw": fw, "model": model, "sha256": hashlib.sha256(detector).hexdigest()}
    text = json.dumps(facts, separators=(",", ":")).encode("ascii")
    size = _HEAD.size + len(text)
    size += -size % ALIGN
    return (_HEAD.pack(MAGIC, size, len(detector), binascii.crc32(text)) + text).ljust(size, b"\0")


def find(data: bytes) -> Descriptor | None:
    """Find the descriptor and the detector in an image; None if there is none or either is damaged."""
    at = -1
    while (at := data.find(MAGIC, at + 1)) >= 0:
        found = _read(data, at)
        if found is not None:
            return found
    return None


def _read(data: bytes, at: int) -> Descriptor | None:
    if len(data) - at < _HEAD.size:
        return None
    _, size, length, crc = _HEAD.unpack_from(data, at)
    if not _HEAD.size <= size <= _LONGEST or len(data) - at - size < length:
        return None
    text = data[at + _HEAD.size : at + size].rstrip(b"\0")
    if binascii.crc32(text) != crc:
        return None
    try:
        facts = json.loads(text)
    except ValueError:
        return None
    if not isinstance(facts, dict) or not all(isinstance(facts.get(key), str) for key in _FACTS):
        return None
    detector = data[at + size : at + size + length]
    if hashlib.sha256(detector).hexdigest() != facts["sha256"]:
        return None
    return Descriptor(facts["board"], facts["fw"], facts["model"], facts["sha256"], detector)
