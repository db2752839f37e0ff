"""Sound over the wire: audio lines from the blocks that the detector gets, for a given time.

Every line can be decoded alone: `at` is the position of its first sample, `data` in base64 a piece of soundcore's ADPCM
(codec "adpcm", 3 to 5 bits per sample) or int16 samples, little-endian (codec "pcm", 16 bits).
"""

from array import array
from binascii import b2a_base64

from .. import FirmwareError
from ..platform import const

# Bits per sample: samples in a line of at most 1024 bytes.
PIECE_SAMPLES = {3: 1024, 4: 1024, 5: 896, 16: 336}
_MOST_SECONDS = const(3600)
_MOST_SAMPLES = const(1024)
_MAX_BYTES = const(740)


def requested(message):
    """Return the (seconds, bits per sample) that a record command asks for; FirmwareError if one is out of range."""
    seconds = message.get("seconds")
    bits = message.get("bits", 4)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= _MOST_SECONDS:
        raise FirmwareError("record.seconds", "seconds must be 1..%d" % _MOST_SECONDS)
    if not isinstance(bits, int) or isinstance(bits, bool) or bits not in PIECE_SAMPLES:
        raise FirmwareError("record.bits", "bits must be 3, 4, 5 or 16")
    return seconds, bits


class Recorder:
    """A recording of `samples` samples from the next block on. lines: most that may wait in the link.

    captured + lost are the samples so far: lost are those the microphone lost and those that found no room.
    """

    def __init__(self, link, samples, bits, lines):
        if bits != 16:
            from soundcore import adpcm_encode

            self._encode = adpcm_encode
        self._codec = "pcm" if bits == 16 else "adpcm"
        self._piece_samples = PIECE_SAMPLES[bits]
        self._link = link
        self._samples = samples
        self._bits = bits
        self._lines = lines
        self._pcm = array("h", bytes(2 * _MOST_SAMPLES))
        self._view = memoryview(self._pcm)
        self._piece = bytearray(_MAX_BYTES)
        self._have = 0
        self._next = -1  # position of the next sample
        self._end = -1
        self.at = 0
        self.captured = 0
        self.lost = 0
        self.finished = False

    def add(self, block, start):
        """Add a block of int16 samples whose first is at `start`."""
        if self.finished:
            return
        if self._next < 0:
            self.at = self._next = start
            self._end = start + self._samples
        if start > self._next:
            self._flush()
            self.lost += min(start, self._end) - self._next
            self._next = start
        block = memoryview(block)
        at = 0
        n = min(len(block), self._end - start)
        while at < n:
            k = min(n - at, self._piece_samples - self._have)
            self._view[self._have : self._have + k] = block[at : at + k]
            self._have += k
            self._next += k
            at += k
            if self._have == self._piece_samples:
                self._flush()
        if self._next >= self._end:
            self.stop()

    def stop(self):
        """End the recording."""
        self._flush()
        self.finished = True

    def send_done(self):
        """Send the ack for record.done once the recording has ended and the line has room; return True if sent."""
        if not self.finished or self._link.waiting >= self._lines:
            return False
        return self._link.send(
            '"type":"ack",',
            ',"re":"record.done","ok":true,"at":%d,"captured":%d,"lost":%d' % (self.at, self.captured, self.lost),
        )

    def _flush(self):
        n, self._have = self._have, 0
        if not n:
            return
        sent = False
        if self._link.waiting < self._lines:
            data = self._view[:n]
            if self._bits != 16:
                data = memoryview(self._piece)[: self._encode(data, self._piece, self._bits)]
            sent = self._link.send(
                '"type":"audio",',
                ',"at":%d,"codec":"%s","data":"%s"' % (self._next - n, self._codec, b2a_base64(data)[:-1].decode()),
            )
        if sent:
            self.captured += n
        else:
            self.lost += n
