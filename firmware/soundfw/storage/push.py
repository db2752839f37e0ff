"""A new model over the wire: written to the spare slot, verified by reading it back, tried, confirmed.

push.begin {size, sha256, arena}  -> ack with `at`: the bytes already there
push.data {at, data}              -> ack with `at`: the next byte to send; data is base64
push.commit                       -> ack, then a restart with it on trial, or the old one if it cannot be run
push.confirm                      -> ack; without it the next start is back at the old model
push.abort                        -> ack; deletes the staged model, or ends the trial with a restart
"""

from binascii import a2b_base64, hexlify

from .. import FirmwareError
from ..platform import const, sha256
from . import files

_MAX_BYTES = const(4 << 20)
_SYNC_BYTES = const(4096)  # most that a power cut loses
_PIECE = const(512)


class Push:
    """One push at a time into the spare slot of `slots` (ModelSlots)."""

    def __init__(self, slots):
        self._slots = slots
        self._file = None
        self._path = ""
        self._size = 0
        self._sha256 = ""
        self._at = 0
        self._synced = 0

    def begin(self, size, sha256, arena=0, memory=0):
        """Begin a push, or resume it; return the bytes that are already there.

        arena: memory the model needs besides its file; memory: free once the running model is gone, 0 if unknown.
        """
        if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= _MAX_BYTES:
            raise FirmwareError("push.size", "size must be 1..%d" % _MAX_BYTES)
        if not isinstance(sha256, str) or len(sha256) != 64:
            raise FirmwareError("push.sha256", "sha256 must be 64 hex digits")
        if memory and size + arena > memory:
            raise FirmwareError("push.memory", "the model needs %d bytes, the board has %d" % (size + arena, memory))
        files.check_writable()
        self.close()
        self._size = 0
        try:
            path, have = self._slots.stage(size, sha256)
            free = files.free(self._slots.folder)
            need = size - have + _SYNC_BYTES
            if free is not None and free < need:
                text = "%d bytes are free in the board's file system, and %d are needed beside the models it keeps"
                raise FirmwareError("push.space", text % (free, need))
            self._file = open(path, "ab")
        except OSError as e:
            raise FirmwareError("push.flash", "the file system fails: " + str(e)[:80])
        self._path, self._size, self._sha256 = path, size, sha256
        self._at = self._synced = have
        return have

    def data(self, at, base64):
        """Write bytes and return the position of the next one. Bytes that are already there are not written again."""
        if self._file is None:
            raise FirmwareError("push.begin", "no push has begun")
        if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at <= self._at:
            raise FirmwareError("push.gap", "the next byte is %d" % self._at)
        try:
            data = a2b_base64(base64)
        except (ValueError, TypeError):
            raise FirmwareError("push.base64", "data must be base64")
        data = data[self._at - at :]
        if self._at + len(data) > self._size:
            raise FirmwareError("push.size", "more bytes than push.begin said")
        try:
            self._file.write(data)
            self._at += len(data)
            if self._at - self._synced >= _SYNC_BYTES:
                self._file.flush()
                self._synced = self._at
        except OSError as e:
            self.close()
            raise FirmwareError("push.flash", "the file system takes no more: " + str(e)[:80])
        return self._at

    def commit(self):
        """Verify the model in flash; the next start tries it.

        That start shows if it can be run, with the old model's memory free and the heap in one piece.
        """
        if self._file is None:
            raise FirmwareError("push.begin", "no push has begun")
        if self._at != self._size:
            raise FirmwareError("push.short", "the next byte is %d" % self._at)
        self.close()
        if _digest(self._path) != self._sha256:
            self._slots.discard()
            raise FirmwareError("push.sha256", "what is in flash is not what was announced")
        self._slots.try_staged()

    def close(self):
        """Close the file."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                pass
            self._file = None


def _digest(path):
    """Return the SHA-256 of a file, read piece by piece, as 64 hex digits."""
    state = sha256()
    piece = bytearray(_PIECE)
    view = memoryview(piece)
    with open(path, "rb") as f:
        n = f.readinto(piece)
        while n:
            state.update(view[:n])
            n = f.readinto(piece)
    return hexlify(state.digest()).decode()
