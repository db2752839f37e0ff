"""The port of standard input and output: the one the REPL uses, so Ctrl-C and mpremote keep working."""

import sys


class Port:
    """read() and write() for Link; neither waits."""

    def __init__(self):
        import select

        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._readable = select.poll()
        self._readable.register(sys.stdin, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(sys.stdout, select.POLLOUT)

    def read(self):
        """Return the bytes that have come in, at most 256."""
        data = b""
        # One byte at a time: a longer read would wait until it has that many.
        while len(data) < 256 and self._readable.poll(0):
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
