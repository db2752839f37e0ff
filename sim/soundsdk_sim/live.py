"""A running virtual board: soundfw in its own thread, in real time, with bytes in and out."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from soundfw import FirmwareError
from soundfw.act.pins import NoPins
from soundfw.main import App
from soundfw.settings import Settings, load
from soundfw.storage.files import finish, join
from soundsdk_sim.board import made_folder

TURN_S = 0.004
_PORT_BYTES = 65536  # a reader that is further behind stops the board's port, as on USB


class LiveSource(Protocol):
    """Sound for a live board (see soundfw.mic.microphone for readinto)."""

    @property
    def lost(self) -> int:
        """Samples lost since the board's start."""

    def power_on(self) -> None:
        """Begin to listen: the board has started."""

    def readinto(self, buf: memoryview) -> int | None:
        """Fill buf with samples and return the number of bytes; None if there are none yet."""

    def wait(self, timeout_s: float) -> None:
        """Wait for samples, at most timeout_s."""


class LiveMicrophone:
    """A microphone that delivers a recording at `speed` times real time, then silence, or with `repeat` it again."""

    def __init__(self, pcm: NDArray[np.int16], rate_hz: int, speed: float = 1.0, repeat: bool = False) -> None:
        self._pcm = np.ascontiguousarray(pcm, np.int16)
        self._repeat = repeat and len(self._pcm) > 0
        self._rate_hz = rate_hz * speed
        self._begin = time.monotonic()
        self._at = 0
        self.lost = 0

    @property
    def over(self) -> bool:
        """Return True once there was a recording and all of it has been heard."""
        return 0 < len(self._pcm) <= self._at and not self._repeat

    def power_on(self) -> None:
        """Go on with the recording."""

    def wait(self, timeout_s: float) -> None:
        """Wait that long."""
        time.sleep(timeout_s)

    def readinto(self, buf: memoryview) -> int | None:
        """Fill buf with the next samples and return the number of bytes; None until a whole buffer is due."""
        due = int((time.monotonic() - self._begin) * self._rate_hz) - self._at
        if due < len(buf):
            return None
        samples = np.frombuffer(buf, np.int16)
        if self._repeat:
            samples[:] = np.take(self._pcm, range(self._at, self._at + len(buf)), mode="wrap")
        else:
            rest = self._pcm[self._at : self._at + len(buf)]
            samples[: len(rest)] = rest
            samples[len(rest) :] = 0
        self._at += len(buf)
        return 2 * len(buf)


class LiveBoard:
    """A board that runs from power-on to stop(), and restarts when the host asks for it.

    sound: a recording that its microphone delivers, then silence, or with `repeat` the same again; or what it hears
    instead. settings: as in settings.json; without `folder` it gets a temporary one. bootloader: called from the
    board's thread when the board enters its boot loader. port: MicroPython's name of the chip's family that it stands
    for, which refuses what that chip's pins cannot do together. UsageError if it can have no folder (made_folder()).
    """

    def __init__(
        self,
        model: bytes,
        sound: NDArray[np.int16] | LiveSource,
        rate_hz: int,
        settings: dict[str, Any] | None = None,
        speed: float = 1.0,
        bootloader: Callable[[], None] | None = None,
        repeat: bool = False,
        port: str | None = None,
    ) -> None:
        self._model = model
        self._port = port
        self._bootloader = bootloader
        self._flash: tempfile.TemporaryDirectory[str] | None = None
        self._settings = {"board": "sim", **(settings or {})}
        if not self._settings.get("folder"):
            self._flash = made_folder()
            self._settings["folder"] = self._flash.name
        self._microphone: LiveSource
        if isinstance(sound, np.ndarray):
            sound = LiveMicrophone(sound, rate_hz, speed, repeat)
        self._microphone = sound
        self._lock = threading.Condition()
        self._to_host = bytearray()
        self._to_board = bytearray()
        self._stop = threading.Event()
        self.power_ons = 0
        self.app: App | None = None  # the firmware of this power-on
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.power_ons += 1
            error = None
            file = join(self._settings["folder"], "settings.json")
            finish(file)
            try:
                settings = load(file, self._settings)
            except FirmwareError as e:
                error = e.args
                settings = Settings(self._settings)
            app = App(
                settings, self._open_microphone, self._send, self._receive, model=self._model, error=error,
                pins=NoPins(self._port),
            )  # fmt: skip
            self.app = app
            app.bootloader = self._bootloader
            # As soundfw.main.main() on a board.
            try:
                app.start()
            except Exception as e:
                app.fail("start.failed", e)
            while not self._stop.is_set() and app.turn():
                self._microphone.wait(TURN_S)
            while app.request and not app.link.pump() and not self._stop.is_set():
                self._stop.wait(TURN_S)
            if app.keeps_files:
                # A board forgets what it has not written yet. Here it would reach the file later, in the next start.
                app.push.close()
            if app.request == "bootloader" and self._bootloader:
                self._bootloader()
                return

    def _open_microphone(self, rate_hz: int) -> LiveSource:
        self._microphone.power_on()
        return self._microphone

    @property
    def sound_over(self) -> bool:
        """Return True once its recording is over, and silence follows."""
        return isinstance(self._microphone, LiveMicrophone) and self._microphone.over

    def _send(self, data: Any) -> int | None:
        with self._lock:
            n = min(len(data), _PORT_BYTES - len(self._to_host))
            self._to_host += bytes(data[:n])
            self._lock.notify_all()
        return n or None

    def _receive(self) -> bytes:
        with self._lock:
            data = bytes(self._to_board)
            self._to_board.clear()
        return data

    def read(self, timeout_s: float) -> bytes:
        """Return what the board has sent, waiting at most timeout_s for the first byte."""
        with self._lock:
            self._lock.wait_for(lambda: self._to_host or self._stop.is_set(), timeout_s)
            data = bytes(self._to_host)
            self._to_host.clear()
        return data

    def write(self, data: bytes) -> None:
        """Send bytes to the board."""
        with self._lock:
            self._to_board += data

    def stop(self) -> None:
        """Switch the board off."""
        self._stop.set()
        self._thread.join(timeout=5)
        if self._flash is not None:
            self._flash.cleanup()
