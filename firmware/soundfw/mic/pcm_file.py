"""Sound from a WAV file, or raw from another file or a pipe, for ports without a microphone."""

from .. import FirmwareError

_STDIN = "/dev/stdin"


class File:
    """A source for Mic. settings: {"kind": "file", "path"}.

    A path that ends in .wav is a WAV file with one channel of 16 bits at rate_hz. Any other is raw: int16,
    little-endian, at rate_hz; "-" is standard input. It is read block by block.
    """

    def __init__(self, settings, rate_hz):
        path = settings.get("path")
        if not isinstance(path, str) or not path:
            raise FirmwareError("mic.file", "the sound's settings lack path")
        self._left = None  # bytes; of a raw file unknown
        try:
            self._file = open(_STDIN if path == "-" else path, "rb")
        except OSError:
            raise FirmwareError("mic.file", path + " cannot be read")
        if path[-4:].lower() == ".wav":
            self._left = self._find_data(path, rate_hz)

    def readinto(self, buf):
        """Fill buf, waiting for a pipe, and return the bytes; 0 at the end."""
        if self._left is not None and self._left < 2 * len(buf):
            buf = memoryview(buf)[: self._left >> 1]
        n = self._file.readinto(buf) & ~1 if len(buf) else 0
        if self._left is not None:
            self._left -= n
        return n

    def _find_data(self, path, rate_hz):
        """Seek to the samples and return their bytes."""
        head = self._file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise FirmwareError("mic.wav", path + " is not a WAV file")
        form = b""
        while True:
            chunk = self._file.read(8)
            if len(chunk) < 8:
                raise FirmwareError("mic.wav", path + " holds no samples")
            size = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"data":
                break
            size += size & 1
            body = self._file.read(min(size, 40))
            self._file.seek(size - len(body), 1)
            if chunk[:4] == b"fmt ":
                form = body
        tag, channels, rate, bits = [int.from_bytes(form[i:j], "little") for i, j in ((0, 2), (2, 4), (4, 8), (14, 16))]
        if tag == 0xFFFE:  # extensible: the tag proper comes later
            tag = int.from_bytes(form[24:26], "little")
        if tag != 1 or channels != 1 or bits != 16 or rate != rate_hz:
            raise FirmwareError("mic.wav", "%s must be 16-bit PCM with one channel at %d Hz" % (path, rate_hz))
        return size
