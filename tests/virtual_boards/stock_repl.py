"""A board's start and REPL, run by MicroPython's unix program without any change, for tests of `soundsdk install`.

    micropython stock_repl.py SETTINGS.json normal|raw

Its standard input and output are the board's serial port. The file system is littlefs in a host file, which outlives
the process. The process ends with 3 for a soft reset to the normal REPL, 4 for one to the raw REPL, 5 for a reset, as
the host (StockBoard) is the one that starts it again, with an empty heap. machine.I2S gives the sound of a host file.

SETTINGS: `flash`: the host file, the bytes of a block, the blocks, the bytes that are written and read at once;
`sound`: a host file of int16, or ""; `speed`: of the sound, in times of real time; `implementation`: what
sys.implementation says in place of the truth.
"""

import gc
import io
import json
import os
import sys
import time

import vfs

SOFT, SOFT_RAW, HARD = 3, 4, 5
WINDOW = 1024


class Flash:
    """A block device in a host file."""

    def __init__(self, path, block, blocks, prog=256, read=256):
        self.file = open(path, "r+b")  # noqa: SIM115
        self.block = block
        self.count = blocks
        self.sizes = {"progsize": prog, "readsize": read}

    def readblocks(self, number, buffer, offset=0):
        self.file.seek(number * self.block + offset)
        self.file.readinto(buffer)

    def writeblocks(self, number, buffer, offset=0):
        self.file.seek(number * self.block + offset)
        self.file.write(buffer)

    def ioctl(self, request, argument):
        if request == 3:
            self.file.flush()
        if request == 4:
            return self.count
        if request == 5:
            return self.block
        return 0


def mounted(flash, place):
    """Mount the littlefs of a block device, made if there is none, as the rp2 port does."""
    try:
        disk = vfs.VfsLfs2(flash, **flash.sizes)
    except OSError:
        vfs.VfsLfs2.mkfs(flash, **flash.sizes)
        disk = vfs.VfsLfs2(flash, **flash.sizes)
    vfs.mount(disk, place)
    return disk


class Pin:
    """A pin that leads nowhere."""

    OUT = 1

    def __init__(self, number, *args, **options):
        pass

    def __call__(self, *value):
        return 0

    value = __call__


class I2S:
    """A microphone that hears a file, then silence."""

    RX, MONO, STEREO = 0, 0, 1
    sound = None
    speed = 1.0

    def __init__(self, number, sck=None, ws=None, sd=None, mode=0, bits=32, format=0, rate=16000, ibuf=0):
        self.rate = rate

    def readinto(self, raw):
        samples = len(raw) // 4
        data = I2S.sound.read(2 * samples) if I2S.sound else b""
        for i in range(samples):
            # A sample of 16 bits in the upper half of 32.
            raw[4 * i] = raw[4 * i + 1] = 0
            raw[4 * i + 2], raw[4 * i + 3] = (data[2 * i], data[2 * i + 1]) if 2 * i < len(data) else (0, 0)
        time.sleep(samples / self.rate / I2S.speed)
        return len(raw)

    def deinit(self):
        pass


class Machine:
    """The module `machine` of a chip."""

    def __init__(self):
        self.Pin = Pin
        self.I2S = I2S

    def reset(self):
        sys.exit(HARD)

    def soft_reset(self):
        sys.exit(SOFT)


class Liar:
    """The module `sys`, with another implementation."""

    def __init__(self, facts):
        self.implementation = Implementation(facts)

    def __getattr__(self, name):
        return getattr(sys, name)


class Implementation:
    """sys.implementation with other values."""

    def __init__(self, facts):
        self._facts = facts

    def __getitem__(self, index):
        return self._facts.get(("name", "version")[index], sys.implementation[index])

    def __getattr__(self, name):
        if name in self._facts:
            return self._facts[name]
        return getattr(sys.implementation, name)


def say(text):
    sys.stdout.buffer.write(text.encode() if isinstance(text, str) else text)


def byte():
    data = sys.stdin.buffer.read(1)
    if not data:
        sys.exit(0)  # the host has gone
    return data


def run(code, name, values):
    """Run code; return the text of its exception, empty without one."""
    try:
        exec(compile(code, name, "exec"), values)
    except SystemExit:
        raise
    except BaseException as error:
        text = io.StringIO()
        sys.print_exception(error, text)
        return text.getvalue().replace("\n", "\r\n")
    return ""


def raw_paste():
    """Receive a program with flow control, as the raw REPL of chips does."""
    say(b"R\x01" + WINDOW.to_bytes(2, "little"))
    code = bytearray()
    while True:
        one = byte()
        if one == b"\x04":
            say(b"\x04")
            return code
        code += one
        if len(code) % WINDOW == 0:
            say(b"\x01")


def raw(values):
    """Serve the raw REPL until its end."""
    say("raw REPL; CTRL-B to exit\r\n>")
    code = bytearray()
    while True:
        one = byte()
        if one == b"\x01":
            say("raw REPL; CTRL-B to exit\r\n>")
            code = bytearray()
        elif one == b"\x02":
            say("\r\n")
            return
        elif one == b"\x05" and not code:
            byte()
            byte()
            execute(raw_paste(), values)
        elif one == b"\x04":
            if not code:
                say("OK\r\nMPY: soft reboot\r\n")
                sys.exit(SOFT_RAW)
            say("OK")
            execute(code, values)
            code = bytearray()
        else:
            code += one


def execute(code, values):
    error = run(bytes(code).decode(), "<stdin>", values)
    say("\x04" + error + "\x04>")
    gc.collect()


def friendly(values):
    """Serve the REPL for people, of which tests need the prompt and the ways out."""
    say("MicroPython v1.25.0 on 2025-04-15; linux [stock]\r\n>>> ")
    while True:
        one = byte()
        if one == b"\x01":
            raw(values)
            say(">>> ")
        elif one == b"\x04":
            say("MPY: soft reboot\r\n")
            sys.exit(SOFT)
        elif one == b"\r":
            say("\r\n>>> ")


def start(settings, mode):
    """Mount the file system, run boot.py and main.py, and serve the REPL."""
    if settings["sound"]:
        I2S.sound = open(settings["sound"], "rb")  # noqa: SIM115
    I2S.speed = settings["speed"]
    flash = Flash(*settings["flash"])
    disk = mounted(flash, "/")
    os.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib"]
    sys.modules["machine"] = Machine()
    if settings["implementation"]:
        sys.modules["sys"] = Liar(settings["implementation"])
    values = {"__name__": "__main__"}
    for name in ("boot.py", "main.py"):
        if name == "main.py" and mode == "raw":
            break
        try:
            with open(name) as f:
                code = f.read()
        except OSError:
            continue
        say(run(code, name, values))
    del flash, disk
    while True:
        try:
            if mode == "raw":
                raw(values)
                mode = "normal"
            friendly(values)
        except KeyboardInterrupt:
            # As Ctrl-C at a prompt.
            pass


with open(sys.argv[1]) as f:
    SETTINGS = json.load(f)
start(SETTINGS, sys.argv[2])
