"""The lines of the board: a bounded queue of lines out, with the answers to commands, and lines in."""

from ..platform import const
from .framing import MAX_LINE_BYTES, MAX_RAW_BYTES, decode, seal, text

_READS = const(8)  # per poll, so that a talkative host cannot stop the sound


def send_ack(link, message, more=""):
    """Send the ack of a command that was carried out. more: members, with a comma before the first."""
    link.send('"type":"ack",', ',"re":%s,"ok":true%s' % (text(message["type"][:32]), more))


def send_error(link, re, code, detail):
    """Send an ack that names what failed and why."""
    link.send(
        '"type":"ack",',
        ',"re":%s,"ok":false,"error":%s,"detail":%s' % (text(re[:32]), text(code[:64]), text(detail[:160])),
    )


class Link:
    """A bounded queue of lines out, and lines in.

    write(buf) writes some of the bytes and returns how many (None: none). read() returns new bytes, b"" or None.
    A line that finds the queue full is dropped and counted; its `seq` is used up, so the host sees the gap.
    """

    def __init__(self, write, read=None, lines=32):
        self._write = write
        self._read = read
        self._queue = [b""] * lines
        self._first = 0
        self.waiting = 0
        self._sent = 0
        self.seq = 0
        self.dropped = 0
        self.damaged = 0  # lines in that were refused
        self._data = b""
        self._at = 0
        self._line = None  # bytearray, from the first byte in
        self._length = 0

    def send(self, before, after=""):
        """Queue {before "seq":n after,"crc":"…"}; before ends with a comma, after begins with one or is empty."""
        line = seal('{%s"seq":%d%s' % (before, self.seq, after))
        self.seq += 1
        if len(line) > MAX_LINE_BYTES or self.waiting == len(self._queue):
            self.dropped += 1
            return False
        self._queue[(self._first + self.waiting) % len(self._queue)] = b"\n%s\n" % line
        self.waiting += 1
        return True

    @property
    def room(self):
        """Lines that may still be queued before it is half full."""
        return len(self._queue) // 2 - self.waiting

    def pump(self):
        """Write until the queue is empty (True) or the port accepts no more (False)."""
        while self.waiting:
            line = self._queue[self._first]
            written = self._write(memoryview(line)[self._sent :] if self._sent else line)
            if not written:
                return False
            self._sent += written
            if self._sent >= len(line):
                self._queue[self._first] = b""
                self._first = (self._first + 1) % len(self._queue)
                self.waiting -= 1
                self._sent = 0
        return True

    def poll(self):
        """Return the next message that has come in, or None."""
        reads = _READS
        while True:
            while self._at < len(self._data):
                message = self._scan()
                if message is not None:
                    return message
            data = self._read() if reads and self._read is not None else None
            if not data:
                return None
            reads -= 1
            self._data = data
            self._at = 0

    def unread_type(self):
        """Return the `type` of the newest line, for which poll() found no memory; "" if it has none."""
        line = bytes(self._line or b"")
        begin = line.find(b'"type":"') + 8
        end = line.find(b'"', begin)
        try:
            return str(line[begin:end], "utf-8") if 8 <= begin < end <= begin + 32 else ""
        except UnicodeError:
            return ""

    def _scan(self):
        """Consume bytes up to the next line end; return the message if that completes one."""
        data = self._data
        end = data.find(b"\n", self._at)
        stop = end if end >= 0 else len(data)
        n = stop - self._at
        if self._line is None:
            self._line = bytearray(MAX_RAW_BYTES)
        if self._length + n <= MAX_RAW_BYTES:
            self._line[self._length : self._length + n] = data[self._at : stop]
        # Of a line that is too long only the length is kept.
        self._length += n
        self._at = stop + (end >= 0)
        if end < 0:
            return None
        length, self._length = self._length, 0
        line = bytes(memoryview(self._line)[:length]) if length <= MAX_RAW_BYTES else b"?"
        if not line.strip():
            return None
        message = decode(line)
        if message is None:
            self.damaged += 1
        return message
