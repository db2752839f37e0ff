"""The region of an image that holds its detector: found, read and filled, with no compiler.

soundfw.storage.store has the format, as the firmware reads it. The facts in it are a JSON object of texts: board, fw,
model (the detector's name) and sha256 (of the detector); the last two are empty where there is no detector. A program
that reads an image finds the region whatever format the image has, as long as its bytes lie in one piece.

At the end of an image (RP2) a region's unused part is left out of the file. Elsewhere it is a constant of the size that
the board file says, and is overwritten in place.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import struct
from dataclasses import dataclass

from soundfw import FirmwareError
from soundfw.storage import store
from soundsdk.errors import ModelError
from soundsdk.given_text import parse_json
from soundsdk.models.fit import too_large

ALIGN = 16  # of the region and of the detector, as soundcore wants it
LEAST_BYTES = 160 * 1024  # room that every board has for a detector: twice the size of those that come with soundsdk
_HEAD = struct.Struct(store.HEAD)
_CRC = struct.Struct("<I")
_FACTS = ("board", "fw", "model", "sha256")
_LONGEST = 1024
_MOST = 16 * 1024 * 1024  # a region that says to be larger is none
_ERASED = b"\xff"


@dataclass(frozen=True)
class ImageFacts:
    """The facts in an image, and the detector in it. fw: the firmware's version, with its hash after a plus sign."""

    board: str
    fw: str
    model: str
    sha256: str
    detector: bytes


@dataclass(frozen=True)
class Region:
    """A region in an image: where it begins, its size with its head, and the firmware it belongs to."""

    at: int
    size_bytes: int
    board: str
    fw: str

    @property
    def room_bytes(self) -> int:
        """The largest detector that fits, whatever its name."""
        return self.size_bytes - _LONGEST


def empty(board: str, fw: str, size_bytes: int) -> bytes:
    """Return the head of a region without a detector, as it is compiled. size_bytes: 0 if only the linker knows it."""
    return _head(board, fw, "", b"", size_bytes)


def _head(board: str, fw: str, model: str, detector: bytes, size_bytes: int) -> bytes:
    sha256 = hashlib.sha256(detector).hexdigest() if detector else ""
    text = json.dumps(dict(zip(_FACTS, (board, fw, model, sha256), strict=True)), separators=(",", ":")).encode("ascii")
    start = _HEAD.size + len(text)
    start += -start % ALIGN
    if start > _LONGEST:
        raise ModelError("the detector's name is too long for an image.", "Train it with a name of at most 64 bytes.")
    facts = text.ljust(start - _HEAD.size, b"\0")
    front = _HEAD.pack(store.MAGIC, size_bytes, start, len(detector), binascii.crc32(detector), 0)[: -_CRC.size]
    return front + _CRC.pack(binascii.crc32(facts, binascii.crc32(front))) + facts


def locate(data: bytes) -> Region | None:
    """Find the region in an image by its head; None if there is none, or its head is damaged."""
    at = -1
    while (at := data.find(store.MAGIC, at + 1)) >= 0:
        if len(data) - at < _HEAD.size:
            return None
        _, size, start, length, _, crc = _HEAD.unpack_from(data, at)
        # 0: the linker's file, in which the host has still to write the size.
        fits = size == 0 or start + length <= size <= _MOST
        if not _HEAD.size <= start <= _LONGEST or start % ALIGN or not fits:
            continue
        facts = _facts(data[at : at + start], crc)
        if facts is not None:
            return Region(at, size, facts["board"], facts["fw"])
    return None


def _facts(head: bytes, crc: int) -> dict[str, str] | None:
    text = head[_HEAD.size :]
    if binascii.crc32(text, binascii.crc32(head[: _HEAD.size - _CRC.size])) != crc:
        return None
    try:
        facts = parse_json(text.rstrip(b"\0").decode())
    except ValueError:
        return None
    if not isinstance(facts, dict) or not all(isinstance(facts.get(key), str) for key in _FACTS):
        return None
    return facts


def find(data: bytes) -> ImageFacts | None:
    """Return the facts and the detector in an image; None if it has no region or a damaged one.

    The detector is what the firmware would read; without one its name, hash and bytes are empty.
    """
    region = locate(data)
    if region is None:
        return None
    held = data[region.at : region.at + region.size_bytes] if region.size_bytes else data[region.at :]
    _, _, start, length, _, crc = _HEAD.unpack_from(held)
    facts = _facts(held[:start], crc)
    assert facts is not None
    detector = b""
    if length:
        try:
            # Of a file, whose region may end before its size does.
            detector = bytes(store.in_region(held.ljust(region.size_bytes, _ERASED)))
        except FirmwareError:
            return None
        if len(held) < start + length or hashlib.sha256(detector).hexdigest() != facts["sha256"]:
            return None
    return ImageFacts(facts["board"], facts["fw"], facts["model"], facts["sha256"], detector)


def fill(data: bytes, model: str, detector: bytes, end: int = 0) -> bytes:
    """Return an image with a detector in its region, in place of what was there.

    model: the detector's name. end: where the region ends, counted from the image's start, for a linker's file that
    does not say so. ModelError if the image has no region, CheckError if the detector does not fit into it.
    """
    region = locate(data)
    if region is None:
        raise ModelError("this image has no region for a detector.", "Build one with soundsdk build.")
    size = region.size_bytes or max(0, end - region.at)
    held = _head(region.board, region.fw, model, detector, size) + detector
    if len(held) > size:
        room = f"the image has room for {max(0, size - len(held) + len(detector))}"
        raise too_large(model, len(detector), f"the image of {region.board}", room)
    if region.at + size > len(data):
        return data[: region.at] + held
    return data[: region.at] + held.ljust(size, _ERASED) + data[region.at + size :]
