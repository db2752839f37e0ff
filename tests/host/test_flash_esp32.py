"""The verb flash on virtual ESP32s, through the real esptool over RFC 2217, with faults of cables and flashes.

esptool needs some twenty seconds over RFC 2217, nearly all of it waiting; so the faults run side by side.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import flash_images
import numpy as np
import pytest
from patient_esptool import be_patient

from sim.tiny_model import BURSTS, build, metadata, tones
from soundsdk import Device
from soundsdk.cli import run
from soundsdk.device.port_info import PortInfo
from soundsdk.errors import SoundsdkError
from soundsdk.flash import esptool_run, verify
from soundsdk.flash.flasher import FlashRequest, flash_board
from soundsdk.flash.timeouts import FlashTimeouts
from soundsdk.progress import Progress
from virtual_boards.computer import VirtualComputer
from virtual_boards.esp32.board import Esp32Board
from virtual_boards.esp32.chips import CHIPS
from virtual_boards.esp32.server import CableFaults, Esp32Server

STUB_BYTES = 8_400  # what esptool sends besides the image, about
SIDE_BY_SIDE = 14


@pytest.mark.parametrize(("board", "chip"), [("esp32_devkit", "esp32"), ("esp32c3_devkit", "esp32c3")])
def test_a_new_esp32_is_flashed_says_hello_and_hears(
    board: str, chip: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    be_patient(tmp_path, monkeypatch)
    sound = np.tile(np.round(tones(10, BURSTS) * 32768).astype(np.int16), 6)
    path = flash_images.esp32(tmp_path, board=board, detector=build(metadata()))
    with Esp32Server(Esp32Board(CHIPS[chip], sound=sound)) as server:
        # Its USB ids are Espressif's own, so no -p is needed.
        system = VirtualComputer(ports=[PortInfo(server.url, "board", 0x303A, 0x1001, "24:0A")])
        name = [board] if chip == "esp32c3" else [board, "-p", server.url, "--erase"]
        server.board.flash.write(3_000_000, b"before")
        assert run(["flash", *name, "--firmware", str(path)], system) == 0
        said = capfd.readouterr().err
        assert "Verified" in said
        assert f"Done: {board}" in said
        assert server.board.flash.read(3_000_000, 6) == (b"\xff" * 6 if "--erase" in name else b"before")
        with Device.open(server.url) as device:
            assert (device.hello.board, device.hello.fw) == (board, "0.1.0+a1")
            found = [event.label for event, _ in zip(device.events(timeout_s=20), range(2), strict=False)]
        assert len(found) == 2
        assert 0.8 < server.host_bytes / _host_bytes(path) < 1.25


def _host_bytes(path: Path) -> int:
    """Estimate the bytes over the cable while an image is written."""
    return STUB_BYTES + len(zlib.compress(path.read_bytes(), 9))


@dataclass
class Case:
    """One fault. codes: the possible exit codes, 0 only where it can be overcome. says: part of the error."""

    name: str
    faults: Callable[[int], CableFaults] = lambda total: CableFaults()
    takes: bool = True
    chip: str = "esp32c3"
    image_of: str = "esp32c3_devkit"
    board: str = "esp32c3_devkit"
    codes: tuple[int, ...] = (1,)
    says: str = ""
    writes: bool = True


CASES = [
    Case("byte noise", lambda total: CableFaults(replace=2e-4), codes=(0, 1, 5, 6)),
    Case("drops", lambda total: CableFaults(drop=2e-4), codes=(0, 1, 5, 6)),
    Case("slow", lambda total: CableFaults(bytes_s=20_000), codes=(0,)),
    Case("hangs", lambda total: CableFaults(hangs_after=total // 2), codes=(1, 5)),
    Case("flash that does not take", takes=False, codes=(6,), says="does not take it"),
    Case("wrong chip", chip="esp32", codes=(6,), says="is an ESP32, not", writes=False),
    Case("image of another chip", image_of="esp32_devkit", codes=(6,), says="is an image for esp32", writes=False),
    *(
        Case(f"pulled at {point + 1}/21", lambda total, point=point: CableFaults(cut_after=total * (point + 1) // 21),
             codes=(0, 1, 5, 6))
        for point in range(20)
    ),
]  # fmt: skip


def _attempt(server: Esp32Server, board: str, path: Path) -> tuple[int, str]:
    try:
        request = FlashRequest(board=board, firmware=path, where=server.url)
        flash_board(request, Progress(), timeouts=FlashTimeouts(esptool_silent_s=40.0))
    except SoundsdkError as e:
        return e.exit_code, e.message if e.hint else "no hint: " + e.message
    return 0, ""


def _holds(server: Esp32Server, path: Path) -> bool:
    image = path.read_bytes()
    return server.board.flash.read(server.board.chip.boot, len(image)) == image


def _play(case: Case, total: int, path: Path, good: Path) -> str:
    """Flash with a fault, then without; return what went wrong, empty if nothing did."""
    with Esp32Server(Esp32Board(CHIPS[case.chip]), case.faults(total)) as server:
        flash_there = server.board.flash
        flash_there.takes = case.takes
        code, said = _attempt(server, case.board, path)
        if code not in case.codes or case.says not in said or "no hint" in said:
            return f"code {code}: {said}"
        if code == 0 and not (_holds(server, path) and verify.greet(server.url, 5).fw == "0.1.0+a1"):
            return "a false success"
        if not case.writes and flash_there.written_bytes:
            return "something was written"
        if case.chip == "esp32":
            return ""  # there is nothing to retry
        server.faults = CableFaults()
        flash_there.takes = True
        code, said = _attempt(server, "esp32c3_devkit", good)
        if code != 0 or not _holds(server, good):
            return f"the retry ended with code {code}: {said}"
    return ""


def test_faults_are_never_a_success_and_the_retry_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(tmp_path, monkeypatch)
    good = flash_images.esp32(tmp_path)
    images = {name: flash_images.esp32(tmp_path, board=name) for name in ("esp32_devkit", "esp32c3_devkit")}
    total = _host_bytes(good)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        results = list(pool.map(lambda case: _play(case, total, images[case.image_of], good), CASES))
    wrong = {case.name: result for case, result in zip(CASES, results, strict=True) if result}
    assert not wrong


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("A fatal error occurred: This chip is ESP32, not ESP32-C3. Wrong chip argument?", "CheckError", 6),
        ("A fatal error occurred: MD5 of file does not match data in flash!", "CheckError", 6),
        ("A fatal error occurred: Failed to connect to ESP32-C3: No serial data received.", "ProtocolError", 5),
        ("A fatal error occurred: Could not open /dev/x, the port is busy or doesn't exist.\n"
         "([Errno 13] could not open port /dev/x: [Errno 13] Permission denied: '/dev/x')", "PortError", 4),
        ("A fatal error occurred: Could not open /dev/x, the port is busy or doesn't exist.\n"
         "(Could not exclusively lock port /dev/x: [Errno 11])", "PortError", 4),
        ("A fatal error occurred: Could not open /dev/x, the port is busy or doesn't exist.\n"
         "([Errno 2] could not open port /dev/x: [Errno 2] No such file or directory)", "DeviceError", 3),
        ("A serial exception error occurred: device disconnected", "FlashError", 1),
        ("", "FlashError", 1),
    ],
)  # fmt: skip
def test_what_esptool_says_becomes_one_sentence(text: str, kind: str, code: int) -> None:
    error = esptool_run.failure(text.splitlines(), "/dev/x")
    assert (type(error).__name__, error.exit_code) == (kind, code)
    assert error.message.endswith((".", "written"))
    assert error.hint


@pytest.mark.parametrize(
    ("version", "name"), [("4.8.1", "write_flash"), ("5.0.0", "write-flash"), ("5.6.0", "write-flash")]
)
def test_the_command_has_the_name_of_the_installed_esptool(
    version: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda package: version)
    assert esptool_run.command("write-flash") == name


def test_a_silent_esptool_is_ended() -> None:
    program = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(esptool_run.FlashError, match="said nothing"):
        esptool_run.run(program, "/dev/x", 0.5, lambda done, total: None)
