"""The verbs devices, info and set on virtual boards."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tone_boards import board

from soundsdk import Device
from soundsdk.cli import run
from soundsdk.device import ports as system_ports
from soundsdk.device.address import Address
from soundsdk.device.changes import parse
from soundsdk.device.port_info import PortInfo, kind_of
from soundsdk.device.system import read_usb_devices
from soundsdk.errors import UsageError
from soundsdk_sim.live import LiveBoard
from virtual_boards.computer import VirtualComputer
from virtual_boards.virtual_port import VirtualPorts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[VirtualPorts]:
    with VirtualPorts(tmp_path) as ports:
        yield ports


def listed(ports: VirtualPorts, capfd: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert run(["devices", "--json", *words], ports) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whether a pty was ever open")
def test_among_ten_foreign_ports_devices_opens_none_of_them(
    ports: VirtualPorts, capfd: pytest.CaptureFixture[str]
) -> None:
    ids = [(None, None), (0x0403, 0x6001), (0x10C4, 0xEA60), (0x1A86, 0x7523), (0x2341, 0x0043), (0x0483, 0x5740)]
    foreign = [ports.add_foreign(*ids[i % len(ids)]) for i in range(10)]
    mine = ports.add(board, serial_number="SN")
    found = listed(ports, capfd)
    assert [(one["path"], one["state"]) for one in found[:1]] == [(mine.path, "ready")]
    assert {one["path"] for one in found if one["state"] == "not asked"} == {port.path for port in foreign}
    assert [port.path for port in foreign if port.touched] == []
    assert run(["doctor"], ports) in (0, 6)
    assert [port.path for port in foreign if port.touched] == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whether a pty was ever open")
def test_the_foreign_port_of_these_tests_knows_when_it_is_opened(ports: VirtualPorts) -> None:
    port = ports.add_foreign()
    assert not port.touched
    with open(port.path, "rb"):
        pass
    assert port.touched


def test_each_port_has_its_state(ports: VirtualPorts, capfd: pytest.CaptureFixture[str]) -> None:
    ready = ports.add(lambda: board(board="rpi_pico"), "ttyACM0", serial_number="SN0")
    busy = ports.add(board, "ttyACM1", serial_number="SN1")
    silent = ports.add(Silent, "ttyACM2", serial_number="SN2")
    safe = ports.add(lambda: LiveBoard(b"broken", SILENCE, 16000), "ttyACM3", serial_number="SN3")
    ports.add(board, "ttyUSB0", vid=0x10C4, pid=0xEA60, serial_number="0001")
    ports.usb_devices = [(0x1D6B, 2), (0x2E8A, 0x0003), (0x2E8A, 0x000F)]
    with busy.held():
        found = {one["path"].rpartition("/")[2] or one["product"]: one for one in listed(ports, capfd)}
    states = {name: one["state"] for name, one in found.items()}
    assert states == {
        "ttyACM0": "ready", "ttyACM1": "refused", "ttyACM2": "silent", "ttyACM3": "ready", "ttyUSB0": "not asked",
        "RP2040": "boot loader", "RP2350": "boot loader",
    }  # fmt: skip
    one = found["ttyACM0"]
    assert (one["path"], one["board"], one["model"], one["serial_number"]) == (ready.path, "rpi_pico", "tones", "SN0")
    assert "in use" in found["ttyACM1"]["note"]
    assert "safe mode" in found["ttyACM3"]["note"]
    assert silent.path != safe.path
    assert run(["devices"], ports) == 0
    out = capfd.readouterr().out
    assert "ttyACM0  ready  rpi_pico  tones  0.1.0  2e8a:0005  SN0" in out
    assert "may be a board" in out


def test_a_bridge_is_sent_hello_on_request_only(ports: VirtualPorts, capfd: pytest.CaptureFixture[str]) -> None:
    ports.add(board, "ttyUSB0", vid=0x10C4, pid=0xEA60)
    assert [one["state"] for one in listed(ports, capfd)] == ["not asked"]
    assert [one["state"] for one in listed(ports, capfd, "--bridges")] == ["ready"]


def test_silent_ports_are_waited_for_side_by_side(ports: VirtualPorts, capfd: pytest.CaptureFixture[str]) -> None:
    asked: list[int] = []  # the ports in the order in which they were sent hello; each several times

    class Asked(Silent):
        def __init__(self, number: int) -> None:
            self._number = number

        def write(self, data: bytes) -> None:
            asked.append(self._number)

    for i in range(6):
        ports.add(lambda i=i: Asked(i), f"ttyACM{i}", serial_number=str(i))
    assert {one["state"] for one in listed(ports, capfd)} == {"silent"}
    last = [len(asked) - 1 - asked[::-1].index(i) for i in range(6)]
    assert max(asked.index(i) for i in range(6)) < min(last), f"all were asked before one was given up: {asked}"


class Silent:
    """A board with the right USB ids that runs something else."""

    def read(self, timeout_s: float) -> bytes:
        time.sleep(timeout_s)
        return b""

    def write(self, data: bytes) -> None:
        pass

    def stop(self) -> None:
        pass


SILENCE = np.zeros(0, np.int16)


@pytest.mark.parametrize("verb", [["info"], ["monitor"], ["set", "threshold=0.8"], ["flash", "esp32_devkit"]])
def test_a_serial_number_of_several_ports_is_refused_with_their_paths(
    verb: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Bridges whose maker left their chip's number have one for all: the first port would be any board's."""
    both = [PortInfo(f"/dev/ttyUSB{i}", "bridge", 0x10C4, 0xEA60, "0001", "CP2102") for i in (0, 1)]
    assert run([*verb, "-p", "id:0001"], VirtualComputer(ports=both)) == 3
    first, hint = capfd.readouterr().err.splitlines()
    assert first == "soundsdk: 2 ports have the serial number 0001: /dev/ttyUSB0, /dev/ttyUSB1."
    assert "-p" in hint
    (one,) = both[:1]
    assert system_ports.find(Address("id", "0001"), VirtualComputer(ports=[one])) == one
    assert run([*verb, "-p", "id:0002"], VirtualComputer(ports=both)) == 3
    assert "no board with the serial number 0002" in capfd.readouterr().err


def test_ids_of_boards_bridges_and_others() -> None:
    kinds = {(0x2E8A, 5): "board", (0x303A, 0x1001): "board", (0x10C4, 0xEA60): "bridge", (0x2341, 0x43): "other"}
    assert {ids: kind_of(*ids) for ids in kinds} == kinds
    assert kind_of(None, None) == "other"


def test_usb_devices_are_read_from_the_system(tmp_path: Path) -> None:
    for name, vid, pid in (("1-1", "2e8a\n", "0003\n"), ("1-2", "not", "hex"), ("usb1", "1d6b\n", "0002\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "idVendor").write_text(vid)
        (tmp_path / name / "idProduct").write_text(pid)
    (tmp_path / "1-1:1.0").mkdir()
    assert read_usb_devices(tmp_path) == [(0x2E8A, 3), (0x1D6B, 2)]
    assert read_usb_devices(tmp_path / "none") == []


def test_a_board_is_found_again_by_what_it_is() -> None:
    def port(path: str, vid: int | None = 0x1A86, serial_number: str | None = None) -> PortInfo:
        return PortInfo(path, "bridge", vid, 0x7523 if vid else None, serial_number)

    cases = [
        (port("a", serial_number="1"), [port("a", serial_number="2"), port("b", serial_number="1")], "b"),
        (port("a"), [port("b")], "b"),
        (port("a"), [port("b"), port("c")], None),  # either may be it
        (port("a"), [port("b"), port("a")], "a"),
        (port("a", serial_number="0001"), [port("b", serial_number="0001"), port("a", serial_number="0001")], "a"),
        (port("a", vid=None), [port("b", vid=None)], None),
        (port("a", vid=None), [port("a", vid=None)], "a"),
        (port("a"), [], None),
    ]
    for before, now, expected in cases:
        found = system_ports.again(before, VirtualComputer(ports=now))
        assert (found.path if found else None) == expected, (before, now)


def test_info_of_a_board(ports: VirtualPorts, capfd: pytest.CaptureFixture[str]) -> None:
    port = ports.add(board, serial_number="SN")
    assert run(["info", "-p", port.path], ports) == 0
    out = capfd.readouterr().out
    assert out.startswith(f"sim at {port.path}, serial number SN\n")
    assert "detector  tones, SHA-256" in out
    assert run(["info", "--json"], ports) == 0
    words = json.loads(capfd.readouterr().out)
    assert (words["hello"]["model"], words["status"]["lost"], words["safe_mode"]) == ("tones", 0, None)
    assert run(["info", "home.tflite", "-p", port.path], ports) == 2


def test_info_says_why_a_board_is_in_safe_mode(ports: VirtualPorts, capfd: pytest.CaptureFixture[str]) -> None:
    ports.add(lambda: LiveBoard(b"broken", SILENCE, 16000))
    assert run(["info"], ports) == 0
    assert "safe mode: " in capfd.readouterr().out
    assert run(["info", "--json"], ports) == 0
    words = json.loads(capfd.readouterr().out)
    assert words["status"] is None
    assert "." in words["safe_mode"]["error"]


def test_info_of_a_board_with_a_known_detector_shows_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["info", "-p", "sim:sim"]) == 0
    assert "smoke_alarm" in capfd.readouterr().out


def test_set_changes_the_board(ports: VirtualPorts, capfd: pytest.CaptureFixture[str]) -> None:
    port = ports.add(board, powered=True)
    assert (
        run(["set", "threshold.low=0.85", "off.low=0.2", "min-ms=500", "--until-restart", "-p", port.path], ports) == 0
    )
    assert capfd.readouterr().out == ""
    detector = port.board.app.pipeline.detector  # type: ignore[union-attr]
    assert detector.labels == ["high", "low"]

    def low() -> tuple[int, int, int]:
        return detector.thresholds[1].on, detector.thresholds[1].off, detector.thresholds[1].min_ms

    assert low() == (850, 200, 500)
    assert detector.thresholds[0].min_ms == 500
    assert run(["set", "threshold.siren=0.8", "--until-restart"], ports) == 2
    assert "tones on sim has no label siren" in capfd.readouterr().err
    assert run(["set", "threshold.low=0.1", "--until-restart"], ports) == 5
    assert low() == (850, 200, 500)


def test_what_is_set_is_kept_over_a_power_cut(ports: VirtualPorts, tmp_path: Path) -> None:
    port = ports.add(lambda: board(folder=str(tmp_path)), serial_number="SN")

    def low() -> int:
        with Device.open("auto", system=ports):
            return int(port.board.app.pipeline.detector.thresholds[1].on)  # type: ignore[union-attr]

    def power_cut() -> None:
        port.unplug()
        port.plug()

    at_first = low()
    assert run(["set", "threshold.low=0.85", "--until-restart"], ports) == 0
    assert low() == 850
    power_cut()
    assert low() == at_first != 850
    assert run(["set", "threshold.low=0.85"], ports) == 0
    power_cut()
    assert low() == 850


def test_boot_loader_drives_are_listed(ports: VirtualPorts, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    drive = tmp_path / "RPI-RP2"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    ports.mount_points = [drive, tmp_path]
    ports.usb_devices = [(0x2E8A, 0x0003)]
    (one,) = listed(ports, capfd)
    assert (one["path"], one["state"], one["product"]) == (str(drive), "boot loader", "RPI-RP2")
    assert run(["doctor"], ports) == 6
    assert "waits in its boot loader" in capfd.readouterr().out


def test_set_accepts_only_settings() -> None:
    assert parse(("threshold.a.b=1=0.5", "hold_ms=20", "off.a.b=1=0.25")) == {
        "a.b=1": {"on": 0.5, "off": 0.25},
        None: {"hold_ms": 20},
    }
    for word in (
        "threshold.low",
        "volume=3",
        "threshold.low=2",
        "threshold.=0.5",
        "min_ms=1.5",
        "off=x",
        "=3",
        "off=nan",
        "min_ms=1_0",
        "threshold=0.1_5",
        "min_ms=\u0661\u0660",  # Arabic digits
        "threshold=\u0660.5",
        "min_ms=\u00a010",
        "action=led,\u00a0blink",
        "action=\u00a0led",
    ):
        with pytest.raises(UsageError):
            parse((word,))
    with pytest.raises(UsageError, match="twice"):
        parse(("off=0.1", "off=0.2"))


@pytest.mark.parametrize("verb", [["info"], ["set", "threshold=0.8"]])
def test_exit_codes_of_boards_that_cannot_be_had(
    ports: VirtualPorts, capfd: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    def fails(code: int, words: str) -> None:
        assert run(verb, ports) == code
        err = capfd.readouterr().err
        assert words in err
        assert len(err.splitlines()) == 2, "one sentence, and what to do"

    fails(3, "no board is connected")
    first = ports.add(board, "ttyACM0", serial_number="1")
    with first.held():
        fails(4, "in use by another program")
    with first.forbidden():
        fails(4, "may not be opened by you")
    second = ports.add(board, "ttyACM1", serial_number="2")
    fails(3, "2 boards are connected")
    second.unplug()
    first.unplug()
    ports.add(Silent, "ttyACM2", serial_number="3")
    fails(5, "does not answer as a soundsdk board")
