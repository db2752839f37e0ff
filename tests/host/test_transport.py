"""Ports: opened without a reset, refused in words, and reached by a URL as well."""

from __future__ import annotations

import errno
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
from tone_boards import board

from soundsdk import ConnectionLost, Device
from soundsdk.device.address import Address, parse
from soundsdk.device.transport import SerialTransport
from soundsdk.errors import DeviceError, PortError, ProtocolError, SoundsdkError, UsageError
from virtual_boards.esp32.board import Esp32Board
from virtual_boards.esp32.chips import CHIPS
from virtual_boards.esp32.server import Esp32Server
from virtual_boards.virtual_port import VirtualPorts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[VirtualPorts]:
    with VirtualPorts(tmp_path) as ports:
        yield ports


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", Address("auto")),
        ("", Address("auto")),
        ("id:E66", Address("id", "E66")),
        ("port:/dev/ttyACM0", Address("port", "/dev/ttyACM0")),
        ("/dev/serial/by-id/usb-a:b", Address("port", "/dev/serial/by-id/usb-a:b")),
        ("COM3", Address("port", "COM3")),
        ("rfc2217://host:1", Address("url", "rfc2217://host:1")),
        ("socket://host:1", Address("url", "socket://host:1")),
        ("sim:rpi_pico,noise=0.1", Address("sim", "rpi_pico,noise=0.1")),
        ("mic:", Address("mic")),
        ("mic:USB Audio: 1,model=a.tflite", Address("mic", "USB Audio: 1,model=a.tflite")),
    ],
)
def test_addresses(text: str, expected: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOUNDSDK_PORT", raising=False)
    assert parse(text) == expected
    monkeypatch.setenv("SOUNDSDK_PORT", text)
    assert parse(None) == expected


@pytest.mark.parametrize("text", ["id:", "port:", "telnet://host", "socket:host"])
def test_addresses_that_say_nothing(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_a_scheme_that_no_package_registers_is_a_usage_error_and_a_path_is_not() -> None:
    for name, hint in (("sim", "soundsdk sim FILE needs no board"), ("mic", "soundsdk listen")):
        with pytest.raises(UsageError, match=f"{name} is no port") as refused:
            parse(name)
        assert hint in refused.value.hint
    with pytest.raises(UsageError, match="no installed package opens sin: addresses"):
        parse("sin:rpi_pico")
    for path in ("port:sin:rpi_pico", "./sin:rpi_pico", "C:\\ttyACM0", "COM3:"):
        assert parse(path) == Address("port", path.removeprefix("port:"))


def test_opening_a_port_takes_back_neither_dtr_nor_rts(ports: VirtualPorts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both asserted reset nothing; on the way there RTS must not be asserted without DTR (see SerialTransport)."""
    port = ports.add(board)
    calls = []
    real = serial.serialposix.fcntl.ioctl

    def ioctl(fd: int, request: int, *rest: Any) -> Any:
        calls.append(request)
        return real(fd, request, *rest)

    monkeypatch.setattr(serial.serialposix.fcntl, "ioctl", ioctl)
    transport = SerialTransport(port.path, system=ports)
    transport.write(b"\n")
    transport.read(0.01)
    transport.close()
    assert serial.serialposix.TIOCMBIS in calls, "the test does not see how pyserial sets lines"
    assert serial.serialposix.TIOCMBIC not in calls


def test_asking_for_hello_through_rfc2217_resets_no_board() -> None:
    with Esp32Server(Esp32Board(CHIPS["esp32c3"])) as server:
        before = server.board.resets
        with pytest.raises(ProtocolError, match="does not answer as a soundsdk board"):
            Device.open(server.url, hello_s=1.0)
        time.sleep(0.2)
        assert server.board.resets == before


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EACCES, "Permission denied"), PortError),
        (serial.SerialException("could not open port 'COM3': PermissionError(13, 'Access is denied.')"), PortError),
        (OSError(errno.EBUSY, "Device or resource busy"), PortError),
        (serial.SerialException(errno.EAGAIN, "Could not exclusively lock port /dev/x"), PortError),
        (OSError(errno.ENOENT, "No such file or directory"), DeviceError),
        (OSError(errno.ENXIO, "No such device or address"), DeviceError),
        (ValueError("invalid URL"), DeviceError),
        (OSError(errno.ECONNREFUSED, "Connection refused"), DeviceError),
    ],
)
def test_what_the_system_says_becomes_one_sentence(
    error: Exception, kind: type[SoundsdkError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(kind) as raised:
        SerialTransport("/dev/x")
    assert raised.value.hint
    assert "\n" not in raised.value.message


class Tail:
    """A port of pyserial's that delivers some bytes and is gone then."""

    timeout = 0.0

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.most = 0  # bytes that were asked for at once

    def read(self, size: int) -> bytes:
        self.most = max(self.most, size)
        if not self._data:
            raise serial.SerialException("device reports readiness to read but returned no data")
        part, self._data = self._data[:size], self._data[size:]
        return part


@pytest.mark.parametrize("length", [1, 2, 384, 385, 386, 769, 5000, 70000])
def test_all_that_came_before_the_cable_was_pulled_is_read_in_small_pieces(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A buffer of 64 KB for every reading leaves the heap in pieces."""
    data = bytes(i * i % 251 for i in range(length))
    port = Tail(data)
    monkeypatch.setattr(serial, "serial_for_url", lambda *_, **__: port)
    transport = SerialTransport("socket://board")
    got = [transport.read(0.1) for _ in range(1 if length <= 5000 else 2)]
    assert b"".join(got) == data
    with pytest.raises(ConnectionLost):
        transport.read(0.1)
    assert port.most <= 480, "Python's own pools end at 512 bytes, with the head of an object"


def test_nobody_at_a_url_and_a_file_that_is_no_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    for where in (f"socket://127.0.0.1:{number}", f"rfc2217://127.0.0.1:{number}"):
        with pytest.raises(DeviceError):
            Device.open(where)
    file = tmp_path / "file"
    file.write_text("no port")
    with pytest.raises(DeviceError):
        Device.open(str(file))


def test_a_board_behind_a_socket() -> None:
    virtual = board()
    done = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.settimeout(0.02)
        with connection:
            while not done.is_set():
                try:
                    data = connection.recv(4096)
                    if not data:
                        return
                    virtual.write(data)
                except TimeoutError:
                    pass
                connection.sendall(virtual.read(0.0))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: serve(server.accept()[0]), daemon=True)
        thread.start()
        with Device.open(f"socket://127.0.0.1:{server.getsockname()[1]}") as device:
            assert device.status().lost == 0
            done.set()
            thread.join()
            with pytest.raises(ConnectionLost):
                list(device.messages(timeout_s=5))
    virtual.stop()


def test_a_port_that_takes_no_bytes_is_an_error_in_time() -> None:
    import os
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        transport = SerialTransport(os.ttyname(slave), write_timeout_s=0.3)
        with pytest.raises(PortError, match="accepts no bytes"):
            transport.write(bytes(1 << 20))
        transport.close()
    finally:
        os.close(master)
        os.close(slave)
