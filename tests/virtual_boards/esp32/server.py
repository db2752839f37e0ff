"""The board's serial port on the network, as RFC 2217: data, and the lines that reset the board.

pyserial's server half does the Telnet part.

    with Esp32Server(Esp32Board(CHIPS["esp32c3"])) as server:
        server.url                    # rfc2217://127.0.0.1:…, for esptool, soundsdk, pyserial
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from dataclasses import dataclass
from types import TracebackType

from serial import rfc2217

from virtual_boards.esp32.board import Esp32Board


@dataclass
class CableFaults:
    """Faults of the cable. Probabilities are per byte, both ways.

    cut_after: bytes from the host after which it is pulled, once. hangs_after: bytes from the host after which nothing
    passes any more. bytes_s: speed, in bytes per second.
    """

    replace: float = 0.0
    drop: float = 0.0
    cut_after: int | None = None
    hangs_after: int | None = None
    bytes_s: float | None = None
    seed: int = 1


class _Lines:
    """A stand-in for the serial port of pyserial's PortManager: its settings, without data."""

    bytesize, parity, stopbits = 8, "N", 1
    xonxoff = rtscts = break_condition = False
    cts = dsr = cd = True
    ri = False

    def __init__(self, board: Esp32Board) -> None:
        self._board = board
        self._baudrate = 115200
        self._dtr = self._rts = False

    def _set(self) -> None:
        self._board.set_lines(self._dtr, self._rts)

    @property
    def dtr(self) -> bool:
        return self._dtr

    @dtr.setter
    def dtr(self, value: bool) -> None:
        self._dtr = value
        self._set()

    @property
    def rts(self) -> bool:
        return self._rts

    @rts.setter
    def rts(self, value: bool) -> None:
        self._rts = value
        self._set()

    @property
    def baudrate(self) -> int:
        return self._baudrate

    @baudrate.setter
    def baudrate(self, value: int) -> None:
        self._baudrate = value
        self._board.set_baud(value)

    def reset_input_buffer(self) -> None:
        self._board.transmit(0)

    def reset_output_buffer(self) -> None:
        pass


class _Connection:
    """One client. PortManager writes its answers through write()."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._lock, contextlib.suppress(OSError):
            self.socket.sendall(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Esp32Server:
    """A server of one board to one client at a time; others are turned away. host_bytes: received from the client."""

    def __init__(self, board: Esp32Board, faults: CableFaults | None = None) -> None:
        self.board = board
        self.faults = faults or CableFaults()
        self.host_bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"rfc2217://127.0.0.1:{self.port}"
        self._client: _Connection | None = None
        self._stop = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Esp32Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server and switch the board off."""
        self._stop.set()
        self._listener.close()
        client = self._client
        if client:
            client.close()
        self.board.stop()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self._client is not None:
                sock.close()
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._client = _Connection(sock)
            threading.Thread(target=self._serve, args=(self._client,), daemon=True).start()

    def _serve(self, client: _Connection) -> None:
        manager = rfc2217.PortManager(_Lines(self.board), client)
        sender = threading.Thread(target=self._send, args=(client, manager), daemon=True)
        sender.start()
        noise = random.Random(self.faults.seed)
        try:
            while data := client.socket.recv(4096):
                plain = b"".join(manager.filter(data))
                if plain and not self._pass(plain, noise):
                    break
        except OSError:
            pass
        finally:
            client.close()
            sender.join(timeout=5)
            self._client = None

    def _pass(self, data: bytes, noise: random.Random) -> bool:
        """Pass bytes from host to board; return False when the cable is pulled."""
        faults = self.faults
        before, self.host_bytes = self.host_bytes, self.host_bytes + len(data)
        if faults.hangs_after is not None and self.host_bytes > faults.hangs_after:
            return True
        cut = faults.cut_after is not None and self.host_bytes > faults.cut_after
        if cut:
            assert faults.cut_after is not None
            data = data[: max(0, faults.cut_after - before)]
        if faults.bytes_s:
            time.sleep(len(data) / faults.bytes_s)
        self.board.receive(_damaged(data, faults, noise))
        if cut:
            faults.cut_after = None
            self.board.power_cycle()
        return not cut

    def _send(self, client: _Connection, manager: rfc2217.PortManager) -> None:
        noise = random.Random(self.faults.seed + 1)
        while self._client is client and client.socket.fileno() >= 0 and not self._stop.is_set():
            data = self.board.transmit(0.1)
            faults = self.faults
            if data and not (faults.hangs_after is not None and self.host_bytes > faults.hangs_after):
                client.write(b"".join(manager.escape(_damaged(data, faults, noise))))


def _damaged(data: bytes, faults: CableFaults, noise: random.Random) -> bytes:
    if not faults.replace and not faults.drop:
        return data
    out = bytearray()
    for byte in data:
        roll = noise.random()
        if roll < faults.replace:
            out.append(noise.randrange(256))
        elif roll >= faults.replace + faults.drop:
            out.append(byte)
    return bytes(out)
