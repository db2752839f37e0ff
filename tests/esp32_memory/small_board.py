"""A board in QEMU with files, a port and a start like that of soundsdk install; frozen, so that it takes no memory.

The files are where QEMU has put them: first a list, a line each of path, offset and size.
"""

import gc
import io
import sys

import micropython
import uctypes
import vfs
from machine import mem16


class File(io.IOBase):
    def __init__(self, data):
        self._data = data
        self._at = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def readinto(self, buffer):
        count = min(len(buffer), len(self._data) - self._at)
        buffer[:count] = self._data[self._at : self._at + count]
        self._at += count
        return count

    def ioctl(self, request, argument):
        return 0


class Files:
    def __init__(self, at, size):
        self._at = at
        self._list = uctypes.bytearray_at(at, size)

    def _find(self, path):
        if path[:1] != "/":
            path = "/" + path
        begin = self._list.find(b"\n" + path + b" ")
        if begin < 0:
            return None
        begin += len(path) + 2
        return [int(word) for word in bytes(self._list[begin : self._list.find(b"\n", begin)]).split()]

    def mount(self, readonly, mkfs):
        pass

    def stat(self, path):
        found = self._find(path)
        if found:
            return (0x8000, 0, 0, 0, 0, 0, found[1], 0, 0, 0)
        if self._list.find(b"\n" + path + b"/") >= 0:
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(2)

    def open(self, path, mode):
        found = self._find(path)
        if not found or mode[0] != "r":
            raise OSError(2)
        return File(memoryview(uctypes.bytearray_at(self._at + found[0], found[1])))

    def remove(self, path):
        raise OSError(2)


class Port:
    def __init__(self):
        self.incoming = b""

    def read(self):
        data, self.incoming = self.incoming, b""
        return data

    def write(self, data):
        if data:
            sys.stdout.write(str(data, "utf-8"))
        return len(data)


class Source:
    """A source for Mic that reads memory, and holds the buffer that an I2S driver's reads need. Allocates nothing."""

    def __init__(self, at, samples):
        self._at = at
        self._end = at + 2 * samples
        self._raw = bytearray(1024)

    def readinto(self, buffer):
        at = self._at
        if at >= self._end:
            return None
        for i in range(len(buffer)):
            value = mem16[at]
            buffer[i] = value - 65536 if value > 32767 else value
            at += 2
        self._at = at
        return 2 * len(buffer)


port = Port()
app = None
held = []


def mount(at, size):
    vfs.mount(Files(at, size), "/")
    sys.path.append("/lib")
    gc.collect()
    print(gc.mem_alloc(), gc.mem_alloc() + gc.mem_free())


def start(text_bytes, rodata_bytes, arena_bytes, address, samples):
    """Start soundfw as main.py does, in the room that an ESP32's module (its code while it loads) and arena leave."""
    global app
    text = bytearray(text_bytes)
    held.append(bytearray(rodata_bytes))
    del text
    gc.collect()
    import soundcore

    gc.collect()
    import soundfw.storage.model_memory

    soundfw.storage.model_memory.reserve()
    import soundfw.main

    soundfw.platform.open_port = lambda: port
    app = soundfw.main.board_app()
    app.open_source = lambda rate_hz: Source(address, samples)
    if arena_bytes:

        def open_stream(data):
            whole = bytearray(arena_bytes)  # in one piece, as the arena is
            del whole
            gc.collect()
            stream = soundcore.Stream(data)
            held.append(bytearray(arena_bytes - stream.arena_size))
            return stream

        app.open_stream = open_stream
    app.start()
    app.open_stream = None
    app.link.pump()
    gc.collect()
    print("used", gc.mem_alloc(), gc.mem_free())


def turns(count, locked):
    """Run so many turns of the loop, with a locked heap if that is asked for; print what ended the sound, or None."""
    if locked:
        micropython.heap_lock()
    try:
        for _ in range(count):
            app.step()
    finally:
        if locked:
            micropython.heap_unlock()
        print(app.pipeline.now)
    print("error", app.error)
