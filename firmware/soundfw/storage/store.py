"""Where the model comes from."""

import hashlib
from binascii import hexlify

from .. import FirmwareError
from . import files


def load(path):
    """The bytes of a model file; without one at `path`, those of the detector in the image, which stay in flash."""
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
    """64 hex digits."""
    return hexlify(hashlib.sha256(data).digest()).decode()
