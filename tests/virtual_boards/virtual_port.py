"""Virtual boards at serial ports that can be unplugged, listed and refused like real ones (Linux, macOS).

with VirtualPorts(folder) as ports:                    # a System with these ports and no others
    port = ports.add(lambda: LiveBoard(model, sound, 16000))
    with Device.open("auto", system=ports) as device: ...
    port.unplug()
    port.plug("ttyACM1")                               # back, under another path
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol

from soundsdk.device.port_info import PortInfo, kind_of
from soundsdk_sim.faults import Filter
from soundsdk_sim.pty import Pty
from virtual_boards.computer import VirtualComputer

_TURN_S = 0.02
_NOBODY = 65534


@contextlib.contextmanager
def forbidden(path: str, mode: int = 0) -> Iterator[None]:
    """Leave this program no more access to a path than `mode`, as another owner would; not even to the superuser."""
    user = os.geteuid()
    before = os.stat(path).st_mode & 0o777
    os.chmod(path, mode)
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)
        if os.path.exists(path):
            os.chmod(path, before)


class PortBoard(Protocol):
    """A board behind a port, such as live.LiveBoard."""

    def read(self, timeout_s: float) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def stop(self) -> None: ...


class VirtualPort:
    """A board at a pseudo-terminal, under a path like a real port's.

    make_board: switches a board on. A board is powered by its port, so every plug() makes a new one, unless powered is
    set: then it keeps running while it is unplugged, and what it sends meanwhile is lost. noise: applied to what it
    sends. unplug_read, unplug_written: unplugs after so many more bytes from, to the board (None: never).
    """

    def __init__(
        self,
        make_board: Callable[[], PortBoard],
        folder: Path,
        name: str = "ttyACM0",
        vid: int | None = 0x2E8A,
        pid: int | None = 0x0005,
        serial_number: str | None = "E6614103E7452D2F",
        powered: bool = False,
        noise: Filter | None = None,
    ) -> None:
        self._make_board = make_board
        self._folder = folder
        self._name = name
        self._ids = (vid, pid, serial_number)
        self._powered = powered
        self._noise = noise
        self.unplug_read: int | None = None
        self.unplug_written: int | None = None
        self.board: PortBoard | None = make_board() if powered else None
        self._pty: Pty | None = None
        self._off = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._away: threading.Thread | None = None
        self._back = threading.Event()
        self.plug()

    @property
    def path(self) -> str:
        """The port's path, or the last one it had."""
        return str(self._folder / self._name)

    @property
    def plugged(self) -> bool:
        return self._pty is not None

    @property
    def info(self) -> PortInfo:
        """The port as a system would list it."""
        vid, pid, serial_number = self._ids
        return PortInfo(self.path, kind_of(vid, pid), vid, pid, serial_number, "virtual board")

    def plug(self, name: str | None = None) -> None:
        """Plug it in, under this name, else the one it had."""
        with self._lock:
            assert not self.plugged
            self._name = name or self._name
            self._back.set()
            if self._away:
                self._away.join()
                self._away = None
            if self.board is None:
                self.board = self._make_board()
            pty = Pty()
            os.symlink(pty.path, self.path)
            self._off = threading.Event()
            self._pty = pty
            self._thread = threading.Thread(target=self._carry, args=(self.board, pty, self._off), daemon=True)
            self._thread.start()

    def unplug(self) -> None:
        """Pull the cable: whoever has the port open sees it hang up. Do nothing if it is out."""
        self._pull()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _pull(self) -> None:
        # The lock is held until the board is off: plug() must not power the old one.
        with self._lock:
            pty, self._pty = self._pty, None
            if pty is None:
                return
            os.unlink(self.path)
            self._off.set()
            self.unplug_read = self.unplug_written = None
            board = self.board
            if not self._powered and board is not None:
                self.board = None
                board.stop()
            elif board is not None:
                self._back.clear()
                self._away = threading.Thread(target=self._lose, args=(board,), daemon=True)
                self._away.start()

    def _lose(self, board: PortBoard) -> None:
        while not self._back.is_set():
            board.read(_TURN_S)

    def _carry(self, board: PortBoard, pty: Pty, off: threading.Event) -> None:
        with pty:
            while not off.is_set():
                if data := pty.read():
                    self._to_board(board, data)
                data = board.read(_TURN_S)
                if off.is_set():
                    break
                if self.unplug_read is not None:
                    data = data[: self.unplug_read]
                    self.unplug_read -= len(data)
                self._to_host(pty, self._noise.apply(data) if self._noise else data, off)
                if 0 in (self.unplug_read, self.unplug_written):
                    self._pull()

    def _to_board(self, board: PortBoard, data: bytes) -> None:
        if self.unplug_written is not None:
            data = data[: self.unplug_written]
            self.unplug_written -= len(data)
        board.write(data)

    @staticmethod
    def _to_host(pty: Pty, data: bytes, off: threading.Event) -> None:
        while data and pty.has_peer() and not off.is_set():
            data = data[pty.write(data) or 0 :]
            if data:
                pty.wait_room(_TURN_S)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the port open and exclusively, as another program would."""
        import serial

        with serial.Serial(self.path, exclusive=True):
            yield

    def forbidden(self) -> contextlib.AbstractContextManager[None]:
        """Forbid this program to open the port."""
        return forbidden(os.path.realpath(self.path))

    def close(self) -> None:
        """Unplug the board and switch it off."""
        self.unplug()
        self._back.set()
        if self._away:
            self._away.join(timeout=5)
        if self.board is not None:
            self.board.stop()


class ForeignPort:
    """A serial port of another device, which notices if it is ever opened (Linux).

    The slave side has never been open, so a hang-up can only mean that somebody has opened and closed it.
    """

    def __init__(self, vid: int | None = None, pid: int | None = None) -> None:
        import fcntl
        import select
        import struct
        import termios

        self._master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        fcntl.ioctl(self._master, getattr(termios, "TIOCSPTLCK", 0x40045431), struct.pack("i", 0))
        number = fcntl.ioctl(self._master, getattr(termios, "TIOCGPTN", 0x80045430), struct.pack("i", 0))
        self.path = f"/dev/pts/{struct.unpack('i', number)[0]}"
        self._ids = (vid, pid)
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLIN)

    @property
    def info(self) -> PortInfo:
        vid, pid = self._ids
        return PortInfo(self.path, kind_of(vid, pid), vid, pid, None, "something else")

    @property
    def touched(self) -> bool:
        """True if the port has been opened and closed, or written to."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        os.close(self._master)


class VirtualPorts(VirtualComputer):
    """A computer with the virtual ports that are plugged in, and no others."""

    def __init__(self, folder: Path, root: Path = Path("/")) -> None:
        super().__init__(root=root)
        self._folder = folder
        self.ports: list[VirtualPort] = []
        self.foreign: list[ForeignPort] = []

    def add(self, make_board: Callable[[], PortBoard], name: str = "ttyACM0", **options: object) -> VirtualPort:
        """Plug in a board; options: those of VirtualPort."""
        port = VirtualPort(make_board, self._folder, name, **options)  # type: ignore[arg-type]
        self.ports.append(port)
        return port

    def add_foreign(self, vid: int | None = None, pid: int | None = None) -> ForeignPort:
        """Add a port that is not a board's."""
        port = ForeignPort(vid, pid)
        self.foreign.append(port)
        return port

    def list_ports(self) -> list[PortInfo]:
        """Return the ports that are plugged in."""
        return [port.info for port in self.ports if port.plugged] + [port.info for port in self.foreign]

    def __enter__(self) -> VirtualPorts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for port in self.ports:
            port.close()
        for foreign in self.foreign:
            foreign.close()
