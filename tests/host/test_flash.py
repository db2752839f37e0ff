"""The verb flash on virtual Picos: it works with nothing but the board named, and never says done when it is not."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import flash_images
import numpy as np
import pytest
import serial

from images import image_of
from sim.tiny_model import BURSTS, build, metadata, tones
from soundsdk import Device
from soundsdk.boards import find_board
from soundsdk.build import toolchain
from soundsdk.cli import run
from soundsdk.device.port_info import PortInfo
from soundsdk.device.system import System
from soundsdk.errors import ToolError
from soundsdk.flash.timeouts import FlashTimeouts
from soundsdk_sim.pty import Pty
from virtual_boards.computer import VirtualComputer
from virtual_boards.pico import boot_rom
from virtual_boards.pico.virtual_pico import PicoFaults, VirtualPico
from virtual_boards.virtual_port import forbidden

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


TIMEOUTS = FlashTimeouts()


@pytest.fixture(autouse=True)
def _no_default_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOUNDSDK_PORT", raising=False)


# Where nothing comes; the others wait as long as a user does, on a computer that is busy.
SHORT = FlashTimeouts(drive_appears_s=3.0, drive_vanishes_s=3.0)
NOTHING_COMES = ("no drive", "the drive takes nothing")


def flash(system: System, *words: str, timeouts: FlashTimeouts = TIMEOUTS) -> int:
    """Run `soundsdk flash` on a virtual computer; return its exit code."""
    return run(["flash", *words], system, timeouts)


@pytest.fixture
def pico(tmp_path: Path) -> Iterator[VirtualPico]:
    """Plug in a Pico that runs the image a1."""
    folder = tmp_path / "dev"
    folder.mkdir()
    with VirtualPico(folder) as board:
        _flashed(board, tmp_path, "a1")
        yield board


def _flashed(board: VirtualPico, folder: Path, version: str) -> None:
    board.bootsel()
    path = flash_images.pico(folder, version)
    assert flash(board, "rpi_pico", "--firmware", str(path)) == 0


def _fw(board: VirtualPico) -> str:
    with Device.open(f"port:{board.port}") as device:
        return device.hello.fw


def test_a_new_pico_is_flashed_says_hello_and_hears(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sound = np.tile(np.round(tones(10, BURSTS) * 32768).astype(np.int16), 6)
    path = flash_images.pico(tmp_path, detector=build(metadata()), model="tones")
    with VirtualPico(tmp_path, sound=sound) as board:
        assert flash(board, "rpi_pico", "--firmware", str(path)) == 0
        assert "Done: rpi_pico" in capfd.readouterr().err
        with Device.open(system=board) as device:
            assert (device.hello.board, device.hello.model, device.hello.fw) == ("rpi_pico", "tones", "0.1.0+a1")
            found = [event.label for event, _ in zip(device.events(timeout_s=20), range(2), strict=False)]
        assert set(found) <= {"high", "low"}
        assert len(found) == 2


@pytest.mark.parametrize("with_file", [True, False], ids=["image file", "own image"])
def test_an_own_detector_is_flashed_and_hears_without_a_compiler(
    with_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--firmware", str(flash_images.pico(tmp_path, detector=b"", model=""))]
    if not with_file:
        image_of("rpi_pico", tmp_path)  # its C and Python are compiled once
        words = []
    model = tmp_path / "mine.tflite"
    model.write_bytes(build(metadata()))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    capfd.readouterr()
    sound = np.tile(np.round(tones(10, BURSTS) * 32768).astype(np.int16), 6)
    with VirtualPico(tmp_path, sound=sound) as board:
        assert flash(board, "rpi_pico", *words, "--model", str(model)) == 0
        assert "compiling" not in capfd.readouterr().err
        with Device.open(system=board) as device:
            assert device.hello.model == "tones"
            assert device.hello.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
            found = [event.label for event, _ in zip(device.events(timeout_s=20), range(2), strict=False)]
        assert len(found) == 2
        assert set(found) <= {"high", "low"}


def test_a_board_that_runs_soundsdk_needs_no_name(pico: VirtualPico, tmp_path: Path) -> None:
    path = flash_images.pico(tmp_path, "b2")
    assert flash(pico, "--firmware", str(path)) == 0
    assert _fw(pico) == "0.1.0+b2"


def test_json_names_every_step(pico: VirtualPico, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert flash(pico, "--json", "--firmware", str(flash_images.pico(tmp_path, "b2"))) == 0
    steps = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    names = list(dict.fromkeys(step["step"] for step in steps))
    assert names == ["board", "image", "boot loader", "write", "progress", "wait", "done"]
    assert [step["percent"] for step in steps if step["step"] == "progress"][-1] == 100
    assert steps[-1]["fw"] == "0.1.0+b2"
    assert flash(pico, "--json", "--firmware", "nowhere.uf2") == 1
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["error"]["exit_code"] == 1


def test_a_dry_run_prints_the_steps_and_touches_nothing(pico: VirtualPico, capfd: pytest.CaptureFixture[str]) -> None:
    before = (pico.flash.erased_bytes, pico.flash.written_bytes)
    with serial.Serial(pico.port, exclusive=True):  # were the port opened, that would fail
        assert flash(pico, "rpi_pico", "--dry-run") == 0
    said = capfd.readouterr().err
    assert "RPI-RP2" in said
    assert "Nothing was touched." in said
    assert (pico.flash.erased_bytes, pico.flash.written_bytes) == before
    assert pico.runs.is_set()


@pytest.mark.parametrize("options", [{"refuses": True}, {"other": True}], ids=["older firmware", "another firmware"])
def test_a_board_without_the_command_is_touched_at_1200_baud(options: dict[str, bool], tmp_path: Path) -> None:
    with VirtualPico(tmp_path, **options) as board:
        if "refuses" in options:
            _flashed(board, tmp_path, "a1")
        assert board.runs.wait(5)
        assert flash(board, "rpi_pico", "--firmware", str(flash_images.pico(tmp_path, "b2"))) == 0
        assert _fw(board) == "0.1.0+b2"


def test_erase_leaves_nothing_of_what_was_there(pico: VirtualPico, tmp_path: Path) -> None:
    pico.flash.write(1_900_000, b"a file of before")
    assert flash(pico, "--firmware", str(flash_images.pico(tmp_path, "b2"))) == 0
    assert pico.flash.read(1_900_000, 16) == b"a file of before"
    assert flash(pico, "--erase", "--firmware", str(flash_images.pico(tmp_path, "b3"))) == 0
    assert pico.flash.read(1_900_000, 16) == b"\xff" * 16
    assert _fw(pico) == "0.1.0+b3"


def test_a_pico_2_is_flashed_without_being_named(tmp_path: Path) -> None:
    with VirtualPico(tmp_path, chip=boot_rom.RP2350) as board:
        assert flash(board, "--firmware", str(flash_images.pico(tmp_path, "c1", "rpi_pico2"))) == 0
        assert _fw(board) == "0.1.0+c1"


def test_picotool_writes_where_no_drive_is_mounted(
    pico: VirtualPico, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "picotool"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "load --verify --execute" ] && cp "$4" {pico.usb_file}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    pico.faults.no_drive = True
    assert flash(pico, "--firmware", str(flash_images.pico(tmp_path, "b2")), timeouts=SHORT) == 0
    assert _fw(pico) == "0.1.0+b2"


# Faults: the change to the board, the image, the words of the call, the exit code, the error, and True if the flash may
# have changed. After each the fault is removed, and the same call without `extra` must succeed.


def _damaged(folder: Path) -> Path:
    path = folder / "damaged.uf2"
    path.write_bytes(flash_images.pico(folder, "b2").read_bytes()[:-512])
    return path


FAULTS: list[tuple[str, Callable[[VirtualPico], None], Callable[[Path], Path], list[str], int, str, bool]] = [
    ("full disk", lambda p: setattr(p.faults, "full", True), flash_images.pico, [], 1, "is full", False),
    ("the drive takes nothing", lambda p: setattr(p.faults, "deaf", True), flash_images.pico, [], 1,
     "has not taken the image", False),
    ("no drive", lambda p: setattr(p.faults, "no_drive", True), flash_images.pico, [], 3, "has not appeared", False),
    ("flash that does not take", lambda p: setattr(p.flash, "takes", False),
     lambda folder: flash_images.pico(folder, "b2"), [], 6, "the flash has not taken it", True),
    ("image of another board", lambda p: None, lambda folder: flash_images.pico(folder, "c1", "rpi_pico2"), [], 6,
     "is an image for rpi_pico2", False),
    ("wrong board named", lambda p: None, lambda folder: flash_images.pico(folder, "c1", "rpi_pico2"), ["rpi_pico2"],
     6, "is a Raspberry Pi Pico, not a Raspberry Pi Pico 2", False),
    ("image of an ESP32", lambda p: None, flash_images.esp32, ["rpi_pico"], 6, "is an image for esp32c3", False),
    ("damaged image", lambda p: None, _damaged, [], 1, "blocks are missing", False),
    ("no image", lambda p: None, lambda folder: folder / "none.uf2", [], 1, "cannot be read", False),
    ("an image with an empty region", lambda p: None,
     lambda folder: flash_images.pico(folder, "b2", detector=b"", model=""), [], 1, "holds no detector", False),
    ("a model that is none", lambda p: None, flash_images.pico, ["--model", "none.tflite"], 1, "cannot be read", False),
    ("no such board", lambda p: None, flash_images.pico, ["rpi_pic"], 2, "there is no board rpi_pic", False),
    ("a board without flash", lambda p: None, flash_images.pico, ["sim"], 2, "has no flash", False),
    ("no such port", lambda p: None, flash_images.pico, ["-p", "/dev/nowhere"], 3, "no board at /dev/nowhere", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "prepare", "image", "extra", "code", "says", "changes"), FAULTS, ids=[f[0] for f in FAULTS]
)
def test_a_fault_is_named_and_the_retry_succeeds(
    name: str,
    prepare: Callable[[VirtualPico], None],
    image: Callable[[Path], Path],
    extra: list[str],
    code: int,
    says: str,
    changes: bool,
    pico: VirtualPico,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    written = pico.flash.written_bytes
    prepare(pico)
    capfd.readouterr()
    timeouts = SHORT if name in NOTHING_COMES else TIMEOUTS
    assert flash(pico, *extra, "--firmware", str(image(tmp_path)), timeouts=timeouts) == code
    said = capfd.readouterr().err
    assert says in said
    assert "Done" not in said
    assert "\n  " in said[said.index("soundsdk: ") :]  # what to do next
    assert changes or pico.flash.written_bytes == written
    pico.faults = PicoFaults()
    pico.flash.takes = True
    if not pico.runs.is_set():
        pico.bootsel()  # as the hint says
    assert flash(pico, "rpi_pico", "--firmware", str(flash_images.pico(tmp_path, "b9"))) == 0
    assert _fw(pico) == "0.1.0+b9"


@pytest.mark.parametrize("point", range(20))
def test_a_pulled_cable_is_never_a_success(
    point: int,
    pico: VirtualPico,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = flash_images.pico(tmp_path, "b2")
    # Half of them with a drive that gives the writer an error, half with one that lets it write into nothing.
    pico.faults = PicoFaults(piped=point % 2 == 0, cut_after=path.stat().st_size * point // 20 + 100)
    capfd.readouterr()
    code = flash(pico, "rpi_pico", "--firmware", str(path), timeouts=replace(TIMEOUTS, hello_s=1.5))
    said = capfd.readouterr().err
    assert code in (1, 6), said
    assert "Done" not in said
    pico.faults = PicoFaults()
    pico.bootsel()
    assert flash(pico, "rpi_pico", "--firmware", str(path)) == 0
    assert _fw(pico) == "0.1.0+b2"


def test_a_slow_drive_is_waited_for(pico: VirtualPico, tmp_path: Path) -> None:
    path = flash_images.pico(tmp_path, "b2")
    pico.faults = PicoFaults(piped=True, bytes_s=path.stat().st_size / 3)
    assert flash(pico, "--firmware", str(path)) == 0
    assert _fw(pico) == "0.1.0+b2"


def test_a_drive_that_hangs_is_an_error_in_time(
    pico: VirtualPico, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pico.faults = PicoFaults(piped=True, deaf=True)
    timeouts = replace(TIMEOUTS, drive_stuck_s=1.0)
    assert flash(pico, "--firmware", str(flash_images.pico(tmp_path, "b2")), timeouts=timeouts) == 1
    assert "has taken nothing" in capfd.readouterr().err


def test_a_busy_port_is_code_4(pico: VirtualPico, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = flash_images.pico(tmp_path, "b2")
    with serial.Serial(pico.port, exclusive=True):
        assert flash(pico, "rpi_pico", "--firmware", str(path)) == 4
    assert "in use" in capfd.readouterr().err
    assert flash(pico, "rpi_pico", "--firmware", str(path)) == 0


def _let_others_in(folder: Path) -> None:
    # pytest closes its folders to other users, and has one level more when it runs side by side.
    top = Path(tempfile.gettempdir()).resolve()
    for part in (folder, *folder.parents):
        if top in part.parents:
            part.chmod(0o755)


def test_a_forbidden_port_is_code_4(pico: VirtualPico, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = flash_images.pico(tmp_path, "b2")
    _let_others_in(tmp_path)
    with forbidden(os.path.realpath(pico.port), 0):
        assert flash(pico, "rpi_pico", "--firmware", str(path)) == 4
    assert "may not be opened" in capfd.readouterr().err
    assert flash(pico, "rpi_pico", "--firmware", str(path)) == 0


def test_a_forbidden_drive_is_code_4(pico: VirtualPico, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = flash_images.pico(tmp_path, "b2")
    _let_others_in(tmp_path)
    pico.bootsel()
    with forbidden(str(pico.drive), 0o555):
        assert flash(pico, "rpi_pico", "--firmware", str(path)) == 4
    assert "may not be written" in capfd.readouterr().err
    assert flash(pico, "rpi_pico", "--firmware", str(path)) == 0


def test_no_board_is_code_3(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert flash(VirtualComputer(), "--firmware", str(flash_images.pico(tmp_path))) == 3
    assert flash(VirtualComputer(), "rpi_pico") == 3
    said = capfd.readouterr().err
    assert "no board is connected" in said
    assert "RPI-RP2" in said


def test_of_two_boards_none_is_flashed_unless_it_is_named(
    pico: VirtualPico, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = flash_images.pico(tmp_path, "b2")
    with VirtualPico(tmp_path, name="ttyACM1", serial_number="E661", other=True) as second:
        assert second.runs.wait(5)
        both = VirtualComputer(pico, second)
        assert flash(both, "rpi_pico", "--firmware", str(path)) == 3
        assert "2 boards are connected" in capfd.readouterr().err
        assert flash(both, "-p", "id:E661", "--firmware", str(path)) == 0
        assert _fw(second) == "0.1.0+b2"
        assert _fw(pico) == "0.1.0+a1"


def test_a_bridge_that_does_not_answer_is_not_reset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = flash_images.esp32(tmp_path, board="esp32_devkit")
    started: list[Any] = []
    monkeypatch.setattr("soundsdk.flash.esptool_run.write", lambda *a: started.append(a))
    with Pty() as pty:
        system = VirtualComputer(ports=[PortInfo(pty.path, "bridge", 0x10C4, 0xEA60)])
        assert flash(system, "esp32_devkit", "--firmware", str(path)) == 3
    assert "may be something else" in capfd.readouterr().err
    assert not started


def test_the_built_image_says_what_it_is_and_is_flashed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    try:
        toolchain.check(find_board("rpi_pico"))
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
    with VirtualPico(tmp_path) as board:
        board.bootsel()
        assert flash(board, "rpi_pico", "--json") == 0
        done = json.loads(capfd.readouterr().out.splitlines()[-1])
        assert done["step"] == "done"
        assert done["fw"].startswith("0.1.0+")
        assert done["sha256"] == _sha256()
        assert _fw(board) == done["fw"]


def _sha256() -> str:
    return hashlib.sha256(flash_images.HOME).hexdigest()
