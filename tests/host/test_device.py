"""Device: on a board of this process and at a virtual serial port."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tone_boards import beeps, board

from soundfw.wire.framing import encode
from soundsdk import Device
from soundsdk.device.messages import Event, Hello, Status, parse
from soundsdk.device.session import CommandRejected
from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import DeviceError, PortError, ProtocolError, UsageError
from soundsdk_sim.faults import Faulty, Noise
from soundsdk_sim.sim_transport import SimTransport
from virtual_boards.virtual_port import VirtualPorts
from waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[VirtualPorts]:
    with VirtualPorts(tmp_path) as ports:
        yield ports


def in_process(sound: np.ndarray | None = None, speed: float = 1.0, **settings: object) -> SimTransport:
    return SimTransport("sim", board(sound, speed, **settings))


def test_events_of_a_board_come_typed_and_in_order() -> None:
    with Device(in_process(beeps(4), speed=8)) as device:
        assert isinstance(device.hello, Hello)
        assert (device.hello.model, device.hello.board, device.hello.rate_hz) == ("tones", "sim", 16000)
        events = list(itertools.islice(device.events(timeout_s=PATIENCE_S), 8))
    assert all(isinstance(event, Event) for event in events)
    assert [(e.label, e.edge) for e in events] == [(x, y) for x in ("high", "low") * 2 for y in ("on", "off")]
    assert [e.seq for e in events] == sorted(e.seq for e in events)
    assert abs(events[0].time_s - 0.1) < 0.35
    assert all(event.time_s == event.time_samples / 16000 for event in events)


def test_at_a_port_auto_id_path_and_stable_name_all_find_the_board(ports: VirtualPorts, tmp_path: Path) -> None:
    port = ports.add(board, serial_number="SN1")
    (tmp_path / "by-id").symlink_to(port.path)
    for where in ("auto", "id:SN1", port.path, f"port:{port.path}", str(tmp_path / "by-id")):
        with Device.open(where, system=ports) as device:
            assert device.hello.model == "tones"
            assert device.transport.serial_number == "SN1"
    with pytest.raises(DeviceError, match="SN2"):
        Device.open("id:SN2", system=ports)


def test_nothing_is_lost_by_who_stops_reading_and_goes_on() -> None:
    with Device(in_process(beeps(6), speed=8)) as device:
        got = []
        while len(got) < 12:
            got.append(next(device.events(timeout_s=PATIENCE_S)))
            device.status()
    assert [e.seq for e in got] == sorted({e.seq for e in got})
    assert [e.edge for e in got] == ["on", "off"] * 6
    assert device.counts.missing == 0


def test_silence_ends_messages() -> None:
    with Device(in_process(status_s=3600)) as device:
        device.request("status", PATIENCE_S)  # its answer is the last: hello may have been asked for more than once
        device.read_all()
        begin = time.monotonic()
        assert list(device.messages(timeout_s=0.3)) == []
        assert 0.2 < time.monotonic() - begin < PATIENCE_S


def test_set_is_carried_out_and_refused_with_a_reason() -> None:
    with Device(in_process()) as device:
        assert device.set("low", on=0.8, off=0.3).ok
        assert device.set(min_ms=300).ok
        assert device.set("low", action="pin:15,high,2s").ok
        with pytest.raises(CommandRejected, match="no such label") as refusal:
            device.set("siren", on=0.8)
        assert (refusal.value.code, refusal.value.exit_code) == ("set.label", 5)
        for wrong in ({}, {"on": 1.2}, {"off": -0.1}, {"label": "low"}, {"on": float("nan")}, {"action": "pin:x"}):
            with pytest.raises(UsageError):
                device.set(**wrong)  # type: ignore[arg-type]


def test_a_command_too_long_for_a_line_is_refused_here() -> None:
    with Device(in_process()) as device:
        with pytest.raises(UsageError, match="longer"):
            device.send("set", label="x" * 2000)
        assert device.status().damaged == 0


def test_reboot_waits_for_the_new_start() -> None:
    with Device(in_process()) as device:
        device.status()
        assert device.reboot().model == "tones"
        assert device.counts.restarts == 1
        assert device.status().captured < 16000 * 60


class Native:
    """A board with USB of its own: its port goes away when it restarts."""

    def __init__(self, ports: VirtualPorts) -> None:
        self.port = ports.add(board)

    def restart(self) -> None:
        self.port.unplug()
        time.sleep(0.2)
        self.port.plug("ttyACM1")


def test_reboot_of_a_board_whose_port_goes_away(ports: VirtualPorts) -> None:
    native = Native(ports)
    with Device.open("auto", system=ports) as device:
        timer = threading.Timer(0.1, native.restart)
        timer.start()
        try:
            device.transport = Faulty(device.transport, noise=_Swallow())
            assert device.reboot().model == "tones"
        finally:
            timer.join()
        assert device.transport.path.endswith("ttyACM1")


class _Swallow:
    """Lets nothing through, as a port that goes away with the answer."""

    def apply(self, data: bytes) -> bytes:
        return b""


def test_a_noisy_line_costs_lines_and_nothing_else() -> None:
    noise = Noise(replace=0.001, drop=0.001, double=0.001, seed=7)
    sound = np.tile(beeps(20), 100)
    link = Faulty(in_process(sound, speed=8, status_s=3600), noise=noise, noise_out=Noise(replace=0.002, seed=8))
    with Device(link) as device:
        for _ in range(10):
            assert isinstance(device.request("status", PATIENCE_S, tries=100), Status)
        assert device.read_event(PATIENCE_S) is not None

        def harmed() -> bool:
            device.read_all(0.1)
            return noise.damaged > 5 and device.counts.damaged + device.counts.text > 0

        wait_until(harmed)
        assert device.read_event(PATIENCE_S) is not None


class Parrot:
    """Something else at a port: says `text` and gives back what it hears."""

    def __init__(self, text: bytes) -> None:
        self._data = text

    def read(self, timeout_s: float) -> bytes:
        data, self._data = self._data, b""
        if not data:
            time.sleep(min(timeout_s, 0.02))
        return data

    def write(self, data: bytes) -> None:
        self._data += b">>> " + data

    def stop(self) -> None:
        pass


def test_what_is_no_board_is_not_taken_for_one(ports: VirtualPorts) -> None:
    silent = ports.add(lambda: Parrot(b""), "ttyUSB0", serial_number="A")
    loop = ports.add(lambda: Parrot(encode({"type": "hello"}) + b"\n"), "ttyUSB1", serial_number="B")
    for port, hello_s in ((silent, 0.6), (loop, 2.0)):
        with pytest.raises(ProtocolError, match="does not answer as a soundsdk board") as error:
            Device.open(port.path, hello_s=hello_s, system=ports)
        assert error.value.exit_code == 5
        assert "soundsdk install" in error.value.hint  # for stock MicroPython
    assert "prompt" in error.value.hint


def test_no_board_two_boards_one_bridge(ports: VirtualPorts) -> None:
    with pytest.raises(DeviceError, match="no board is connected") as none:
        Device.open("auto", system=ports)
    assert none.value.exit_code == 3
    with pytest.raises(DeviceError, match="there is no board at"):
        Device.open("/dev/soundsdk-none", system=ports)
    bridge = ports.add(board, "ttyUSB0", vid=0x10C4, pid=0xEA60, serial_number="0001")
    with Device.open("auto", system=ports) as device:
        assert device.transport.path == bridge.path
    second = ports.add(board, "ttyUSB1", vid=0x10C4, pid=0xEA60, serial_number="0001")
    with pytest.raises(DeviceError, match=r"2 boards are connected: .*ttyUSB0, .*ttyUSB1"):
        Device.open("auto", system=ports)
    native = ports.add(board, "ttyACM0")
    with Device.open("auto", system=ports) as device:
        assert device.transport.path == native.path
    with Device.open(second.path, system=ports) as device:
        assert device.transport.path == second.path


def test_a_busy_port_and_one_that_is_not_permitted(ports: VirtualPorts) -> None:
    port = ports.add(board)
    with port.held(), pytest.raises(PortError, match="in use by another program") as busy:
        Device.open("auto", system=ports)
    with port.forbidden(), pytest.raises(PortError, match="may not be opened by you") as denied:
        Device.open("auto", system=ports)
    assert busy.value.exit_code == denied.value.exit_code == 4
    with Device.open("auto", system=ports):
        pass


def test_a_pulled_cable_is_gone_and_not_silence(ports: VirtualPorts) -> None:
    port = ports.add(board)
    with Device.open("auto", system=ports) as device:
        port.unplug()
        with pytest.raises(ConnectionLost, match="is gone") as gone:
            list(device.messages(timeout_s=PATIENCE_S))
        assert gone.value.exit_code == 3
        with pytest.raises(ConnectionLost):
            device.status()


@pytest.mark.parametrize("at", [1, 60, 170, 230])
def test_a_cable_pulled_in_the_middle_of_hello(ports: VirtualPorts, at: int) -> None:
    port = ports.add(board)
    port.unplug_read = at
    with pytest.raises(DeviceError):
        Device.open("auto", system=ports).status()
    port.plug()
    with Device.open("auto", system=ports) as device:
        assert device.status().lost == 0


class Script:
    """A transport that delivers the given lines at once, and nothing after them."""

    path = "script"
    serial_number = None

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._data = b"".join(b"\n" + encode(message) + b"\n" for message in messages)

    def read(self, timeout_s: float) -> bytes:
        data, self._data = self._data, b""
        return data

    def write(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass

    def reopen(self) -> Script:
        raise DeviceError("there is no board.")


def test_seconds_are_those_of_the_start_that_an_event_belongs_to() -> None:
    def hello(seq: int, rate_hz: int) -> dict[str, Any]:
        names = {"fw": "0", "board": "sim", "model": "m", "sha256": "0" * 64}
        return {"type": "hello", "proto": 1, **names, "rate_hz": rate_hz, "seq": seq}

    def onset(seq: int, t: int) -> dict[str, Any]:
        return {"type": "event", "seq": seq, "id": seq, "label": "a", "edge": "on", "t": t, "score": 0.9}

    # An event that came before the hello; a restart at another rate; one whose hello was lost.
    script = Script(onset(5, 16000), hello(6, 16000), onset(7, 32000), hello(0, 8000), onset(1, 16000), onset(1, 8000))
    with Device(script) as device:
        items = device.read_all()
    assert [item.time_s for item in items if isinstance(item, Event)] == [1.0, 2.0, 2.0, 0.0]


def test_names_of_a_board_steer_no_terminal_and_end_no_line() -> None:
    line = {"type": "hello", "seq": 1, "proto": 1, "fw": "1\x1b]0;x\x07", "board": "../\nb", "model": "m\t\0"}
    said = parse({**line, "sha256": "", "rate_hz": 16000, "note": "\x1b[31m", "labels": ["a"]})
    assert isinstance(said, Hello)
    assert (said.fw, said.board, said.model) == ("1·]0;x·", "../·b", "m··")
    assert said.extra == {"note": "·[31m", "labels": ["a"]}
