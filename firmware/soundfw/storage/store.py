"""The model file and its hash."""

import hashlib
from binascii import hexlify

from .. import FirmwareError
from . import files


def load(path):
    """Return the bytes of the model file at `path`, else of the detector in the image, which stay in flash."""
    if files.size(path) >= 0:
        try:
            return files.read(path)
        except OSError:
            pass
    try:
        import soundmodel
    except ImportError:
        raise FirmwareError("store.missing", "no model at " + path)
    return soundmodel.data


def sha256(data):
    """Return the SHA-256 of bytes as 64 hex digits."""
    return hexlify(hashlib.sha256(data).digest()).decode()
