"""CircuitPython in CPython, for soundfw alone: what it imports has the names of the stubs, and none of MicroPython's.

install(Board(...)) puts the modules of a Raspberry Pi Pico in place for every import by soundfw and by the program
`code`. The board's clock moves with its sound alone; its files are those of the working directory, on FAT.
"""

from __future__ import annotations

import builtins
import os
import select
import sys
import time
import types
from array import array
from dataclasses import dataclass, field
from typing import Any

from circuitpython import derived, stubs

# What the documentation of CircuitPython 10.3 lists for modules that have no stub, as far as CPython has it as well.
_NAMES = {
    "array": "array",
    "binascii": "a2b_base64 b2a_base64 crc32 hexlify unhexlify",
    "collections": "OrderedDict deque namedtuple",
    "errno": "EACCES EEXIST EIO EINVAL EISDIR ENODEV ENOENT ENOSPC EROFS",
    "gc": "collect disable enable isenabled",
    "io": "BytesIO StringIO",
    "json": "dump dumps load loads",
    "math": "ceil cos exp floor log pi pow sin sqrt",
    "os": "chdir getcwd listdir mkdir rmdir sep stat statvfs sync unlink",
    "random": "choice getrandbits randint random randrange seed uniform",
    "struct": "calcsize pack pack_into unpack unpack_from",
    "sys": "byteorder exit maxsize modules path",
    "time": "localtime mktime monotonic monotonic_ns sleep time",
}
_CORE = {"gc", "micropython"}  # of every board, and in no list
_WRAP = 1 << 29
_PAUSE_S = 0.02


@dataclass
class Board:
    """A board. pcm: what its microphone hears, int16 at rate_hz; then the program is ended.

    stalls_ms: {number of a recording call: milliseconds that pass before it}. drive: a computer has the drive. native:
    soundcore is built in. data: boot.py has enabled the second serial port. begins_with: it hears silence until this
    has come in at the port, then pcm, then silence until the process is ended. stall_at: (samples of pcm, milliseconds)
    of one stall then.
    """

    pcm: array
    rate_hz: int = 16000
    stalls_ms: dict[int, float] = field(default_factory=dict)
    drive: bool = False
    native: bool = True
    data: bool = True
    begins_with: str = ""
    stall_at: tuple[int, float] | None = None
    begun_at: int = -1  # position of pcm's first sample
    received: bytes = b""
    samples: float = 0.0  # the clock: samples since power-on
    calls: int = 0
    log: list[tuple[Any, ...]] = field(default_factory=list)

    def ticks_ms(self) -> int:
        """Return the clock, which wraps around a second after power-on."""
        return int(_WRAP - 1000 + self.samples * 1000 / self.rate_hz) % _WRAP

    def work(self) -> None:
        """Let the time pass that the program needs between two recording calls."""
        stall_ms = self.stalls_ms.pop(self.calls, 0.0)
        if self.stall_at is not None and 0 <= self.begun_at <= self.samples - self.stall_at[0]:
            stall_ms, self.stall_at = self.stall_at[1], None
        self.samples += stall_ms * self.rate_hz / 1000

    def sound(self, at: int, n: int) -> array:
        """Return n samples from a time on; SystemExit after the end of the sound."""
        if self.begins_with:
            if self.begun_at < 0 and self.begins_with.encode() in self.received:
                self.begun_at = at
            at -= self.begun_at
            if self.begun_at < 0 or at >= len(self.pcm):
                time.sleep(_PAUSE_S)  # what waits for the computer must not fill the port
                return array("h", [0] * n)
            heard = self.pcm[at : at + n]
            return heard + array("h", [0] * (n - len(heard)))
        if at + n > len(self.pcm):
            raise SystemExit("end of the sound")
        return self.pcm[at : at + n]


class _I2SIn:
    """DMA of two halves of 40 ms: the older one is overwritten when nobody reads, and one bit says so."""

    def __init__(self, board: Board, bit_clock: Any, word_select: Any, data: Any, **options: Any) -> None:
        assert (bit_clock, word_select, data) == ("GPIO16", "GPIO17", "GPIO18")
        assert options["sample_rate"] == board.rate_hz
        self._board = board
        self._mono = options.get("mono", True)
        self._bits = options.get("output_bit_depth") or options["bit_depth"]
        self._half = board.rate_hz * 40 // 1000
        self._at = int(board.samples)
        self._over = False

    def record(self, destination: Any, destination_length: int) -> int:
        board = self._board
        frames = destination_length if self._mono else destination_length // 2
        behind = int(board.samples) - self._at
        while behind > 2 * self._half:
            self._at += self._half
            behind -= self._half
            self._over = True
        board.samples = max(board.samples, self._at + frames)
        mono = board.sound(self._at, frames)
        self._at += frames
        if self._bits == 32:
            assert destination.typecode == "i"
            mono = array("i", [s << 16 for s in mono])
        else:
            assert destination.typecode == "h"
        if self._mono:
            destination[:destination_length] = mono
        else:
            destination[0 : 2 * frames : 2] = array(mono.typecode, [0] * frames)
            destination[1 : 2 * frames : 2] = mono
        board.calls += 1
        return destination_length

    @property
    def overflow(self) -> bool:
        over, self._over = self._over, False
        return over

    def deinit(self) -> None:
        self._board.log.append(("deinit", "i2s"))


class _PDMIn:
    """It hears only while it records."""

    def __init__(self, board: Board, clock_pin: Any, data_pin: Any, **options: Any) -> None:
        assert (clock_pin, data_pin, options) == ("GPIO2", "GPIO3", {"sample_rate": board.rate_hz, "bit_depth": 16})
        self._board = board

    def record(self, destination: Any, destination_length: int) -> int:
        board = self._board
        assert destination.typecode == "H"
        at = int(board.samples)
        destination[:] = array("H", [s + 32768 for s in board.sound(at, destination_length)])
        board.samples += destination_length
        board.calls += 1
        return destination_length

    def deinit(self) -> None:
        self._board.log.append(("deinit", "pdm"))


class _Serial:
    """A serial port over USB whose other end is this process's standard input and output."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.timeout: float | None = None
        self.write_timeout: float | None = None
        self.connected = True
        self.out_waiting = 0

    def _check(self) -> None:
        assert self.timeout == self.write_timeout == 0, "the port would wait"

    @property
    def in_waiting(self) -> int:
        self._check()
        self._board.work()
        return 64 if select.select([0], [], [], 0)[0] else 0

    def read(self, size: int = -1) -> bytes:
        data = os.read(0, size)
        if self._board.begins_with and self._board.begun_at < 0:
            self._board.received += data
        return data

    def write(self, buf: Any) -> int:
        self._check()
        return os.write(1, buf)


class _Hash:
    def __init__(self, real: Any) -> None:
        self.update = real.update
        self.digest = real.digest
        self.digest_size = real.digest_size


class _Output:
    """An output that logs; what a program sets are its attributes."""

    def __init__(self, board: Board, pin: str, **options: Any) -> None:
        object.__setattr__(self, "_board", board)
        object.__setattr__(self, "_pin", pin)

    def switch_to_output(self, value: bool = False, drive_mode: Any = None) -> None:
        self._board.log.append((self._pin, value))

    def __setattr__(self, name: str, value: Any) -> None:
        self._board.log.append((self._pin, name, value))

    def deinit(self) -> None:
        self._board.log.append((self._pin, "deinit"))


class _Watchdog:
    timeout = 0.0
    mode = None

    def feed(self) -> None:
        pass


def _only(name: str, **more: Any) -> types.ModuleType:
    """Make a module of CPython's with the names that CircuitPython has."""
    real = __import__(name)
    out = types.ModuleType(name)
    for known in _NAMES[name].split():
        setattr(out, known, getattr(real, known))
    out.__dict__.update(more)
    return out


def _file_system(board: Board) -> dict[str, Any]:
    """Return os functions on FAT: a rename removes what is there first; a drive that a computer has is read only."""

    def check() -> None:
        if board.drive:
            raise OSError(30, "EROFS")

    def remove(path: str) -> None:
        check()
        os.remove(path)

    def rename(old: str, new: str) -> None:
        check()
        if os.path.exists(new):
            os.remove(new)
        os.rename(old, new)

    real_open = builtins.open

    def fat_open(path: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
        if set(mode) & set("wax+"):
            check()
        return real_open(path, mode, *more, **options)

    return {"remove": remove, "rename": rename, "open": fat_open}


def _end(code: int) -> Any:
    """Return a function that ends the process, as a reset ends a program."""

    def end() -> None:
        sys.stdout.flush()
        os._exit(code)

    return end


def modules(board: Board) -> dict[str, types.ModuleType]:
    """Return the modules that a program on the board can import."""
    import hashlib
    import traceback

    files = _file_system(board)
    pins = {f"GPIO{i}": f"GPIO{i}" for i in range(30)}
    run_mode = types.SimpleNamespace(NORMAL="normal", SAFE_MODE="safe", UF2="uf2", BOOTLOADER="bootloader")
    watch = derived.module("watchdog", {"WatchDogMode": type("M", (), {"RAISE": "raise", "RESET": "reset"}),
                                        "WatchDogTimer": _Watchdog})  # fmt: skip
    usb = derived.module("usb_cdc", {"Serial": _Serial})
    usb.console = derived.wrapped(usb.Serial, _Serial(board))
    usb.data = derived.wrapped(usb.Serial, _Serial(board)) if board.data else None
    store = derived.module("storage", {"VfsFat": types.SimpleNamespace})
    drive = derived.wrapped(store.VfsFat, types.SimpleNamespace(readonly=board.drive))
    store = derived.module("storage", {"getmount": lambda path: drive if path == "/" else None})
    chip = derived.module(
        "microcontroller",
        {
            "RunMode": run_mode,
            "watchdog": derived.wrapped(watch.WatchDogTimer, _Watchdog()),
            "on_next_reset": lambda mode: board.log.append(("next reset", mode)),
            "reset": _end(3),
        },
    )
    chip.pin = types.SimpleNamespace(**pins)  # documented; its stub leaves it out, as its names are the chip's
    digital = derived.module("digitalio", {"DigitalInOut": lambda pin: _Output(board, pin)})
    pwm = derived.module("pwmio", {"PWMOut": lambda pin, **options: _Output(board, pin, **options)})
    made = {
        "audiobusio": derived.module("audiobusio", {"PDMIn": lambda *a, **k: _PDMIn(board, *a, **k)}),
        "audioi2sin": derived.module("audioi2sin", {"I2SIn": lambda *a, **k: _I2SIn(board, *a, **k)}),
        "board": derived.module("board", {"board_id": stubs.BOARD}),
        "digitalio": digital,
        "hashlib": derived.module("hashlib", {}),
        "microcontroller": chip,
        "micropython": derived.module("micropython", {"const": lambda value: value}),
        "neopixel_write": derived.module("neopixel_write", {}),
        "pwmio": pwm,
        "storage": store,
        "supervisor": derived.module("supervisor", {"ticks_ms": board.ticks_ms, "reload": _end(4)}),
        "traceback": derived.module("traceback", {"format_exception": traceback.format_exception}),
        "usb_cdc": usb,
        "watchdog": watch,
    }
    digest = made["hashlib"].Hash
    made["hashlib"] = derived.module(
        "hashlib", {"new": lambda name, data=b"": derived.wrapped(digest, _Hash(hashlib.new(name, data)))}
    )
    for name in _NAMES:
        made[name] = _only(name)
    made["os"].__dict__.update(remove=files["remove"], rename=files["rename"])
    made["gc"].__dict__.update(mem_free=lambda: 100_000, mem_alloc=lambda: 50_000)
    made["sys"].__dict__.update(
        platform="RP2040",
        implementation=types.SimpleNamespace(name="circuitpython", version=(10, 3, 1)),
        stdin=types.SimpleNamespace(read=None, readline=None),
        stdout=types.SimpleNamespace(write=sys.stderr.write),
    )
    builtins.open = files["open"]
    image = stubs.modules_of_board() | _CORE
    return {name: one for name, one in made.items() if name in image}


def install(board: Board) -> None:
    """Give soundfw, and the program called `code`, the modules of the board and no others."""
    known = modules(board)
    if board.native:
        known["soundcore"] = __import__("soundcore")
    real = builtins.__import__

    def imported(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        who = (globals or {}).get("__name__", "")
        ours = who == "code" or who.split(".")[0] == "soundfw"
        if not ours or level or name.split(".")[0] == "soundfw":
            return real(name, globals, locals, fromlist, level)
        if name not in known:
            raise ImportError(f"no module named '{name}'")
        return known[name]

    builtins.__import__ = imported
