"""The model in the file system or in the image, and its hash.

An image holds its detector in a region that the host fills (soundsdk.build.region). It begins at a multiple of 16:

    16 bytes  MAGIC, whose last byte is the format's version
    5 x u32   (little-endian) the region's size in bytes, this head included; where the detector begins, counted from
              here, a multiple of 16; its size, 0 for none; CRC-32 of the detector; CRC-32 of what stands before this
              last number and of the facts
    facts     of the image and the detector, for the host: JSON, zeros up to the detector
"""

from .. import FirmwareError, platform
from . import files, model_memory

MAGIC = b"soundsdk\0region\1"
HEAD = "<16s5I"


def load(path):
    """Return the bytes of the model file at `path`, else of the detector in the image, which stay in flash."""
    data = _file(path)
    return in_region(_region(path)) if data is None else data


def load_hashed(path):
    """Return load(path) and its SHA-256: of the detector in the image, as its facts have it."""
    data = _file(path)
    if data is not None:
        return data, sha256(data)
    region = _region(path)
    data = in_region(region)
    return data, hash_in_region(region) or sha256(data)


def _file(path):
    if files.size(path) >= 0:
        try:
            return model_memory.read(path)
        except OSError:
            pass
    return None


def _region(path):
    try:
        import soundmodel
    except ImportError:
        raise FirmwareError("store.missing", "no model at " + path)
    return soundmodel.region()


def hash_in_region(region):
    """Return the SHA-256 (64 hex digits) that the facts of a sound region have; empty if they have none.

    To compute it would take the RP2040 a tenth of a second of every start.
    """
    import struct

    _, _, start, _, _, _ = struct.unpack_from(HEAD, region)
    facts = bytes(memoryview(region)[struct.calcsize(HEAD) : start])
    key = b'"sha256":"'
    at = facts.rfind(key) + len(key)
    digits = facts[at : at + 64]
    return str(digits, "utf-8") if at >= len(key) and facts[at + 64 : at + 65] == b'"' else ""


def in_region(region):
    """Return the detector in a region as a view of its bytes; FirmwareError if it is empty or damaged.

    region: the region's bytes, and whatever follows it.
    """
    # Imported here: a module's names cost heap.
    import struct
    from binascii import crc32

    head = struct.calcsize(HEAD)
    region = memoryview(region)
    if len(region) >= head:
        magic, size, start, length, crc, head_crc = struct.unpack_from(HEAD, region)
        if (
            magic == MAGIC
            and head <= start <= size - length
            and size <= len(region)
            and start % 16 == 0
            and crc32(region[head:start], crc32(region[: head - 4])) == head_crc
        ):
            if not length:
                raise FirmwareError("store.empty", "the image holds no detector: flash it with one, or push one")
            data = region[start : start + length]
            if crc32(data) == crc:
                return data
    raise FirmwareError("store.damaged", "the detector in the image is damaged: flash the board again, or push one")


def sha256(data):
    """Return the SHA-256 of bytes as 64 hex digits."""
    state = platform.sha256()
    state.update(data)
    return state.digest().hex()
