"""The port of standard input and output: the one the REPL uses, so Ctrl-C and mpremote keep working."""

import sys


class Port:
    """read() and write() for Link; neither waits."""

    def __init__(self):
        import select

        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        readable = select.poll()
        readable.register(sys.stdin, select.POLLIN)
        self._readable = getattr(readable, "ipoll", readable.poll)
        self._writable = select.poll()
        self._writable.register(sys.stdout, select.POLLOUT)

    def read(self):
        """Return the bytes that have come in, at most 256."""
        data = b""
        # One byte at a time: a longer read would wait until it has that many. ipoll() makes no list, as poll() does.
        while len(data) < 256:
            for _ in self._readable(0):
                break
            else:
                break
            byte = self._in.read(1)
            if not byte:
                break
            data += byte
        return data

    def write(self, data):
        """Write bytes and return how many the port accepted."""
        if not self._writable.poll(0):
            return 0
        return self._out.write(data)
