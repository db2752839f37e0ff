"""Where the model comes from."""

import hashlib
from binascii import hexlify

from .compat import FirmwareError


def load(path):
    """The bytes of a model file."""
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        raise FirmwareError("store.missing", "no model at " + path)


def sha256(data):
    """64 hex digits."""
    return hexlify(hashlib.sha256(data).digest()).decode()
