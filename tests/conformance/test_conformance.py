"""The conformance program prints the same lines in CPython and in MicroPython on every target there is here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from binascii import crc32
from pathlib import Path

import program
import pytest
from model_generator import GENERATORS

from images import image_of
from soundsdk.boards import find_board
from soundsdk.errors import DeviceError, SoundsdkError
from soundsdk.models.shipped import load_model
from soundsdk_sim.targets.qemu_machine import QemuMachine

PIECE_S = 300  # for one statement on an emulated board


@pytest.fixture(scope="module")
def pieces() -> list[str]:
    return list(program.pieces(load_model("home").path))


@pytest.fixture(scope="module")
def expected(pieces: list[str]) -> list[str]:
    return program.run_here(pieces)


def test_the_program_covers_what_it_should(expected: list[str]) -> None:
    heads = {line.split()[0] for line in expected}
    assert {
        "frontend",
        "model",
        "invoked",
        "stream",
        "step",
        "locked",
        "refused",
        "altered",
        "call",
        "microphone",
        "adpcm",
        "recorded",
    } <= heads
    events = [line for line in expected if '"type":"event"' in line]
    assert len(events) >= 6
    # Accepted and refused in the same sweep, else it shows nothing.
    assert all(0 < int(line.split()[-2]) < 10000 for line in expected if line.startswith("altered"))


def test_every_golden_vector_is_in_it(expected: list[str]) -> None:
    """A target that prints these lines therefore has the features of tests/vectors, to the byte."""
    cases = json.loads((program.HERE.parent / "vectors" / "frontend.json").read_text())["cases"]
    features = [bytes.fromhex(case["features"]) for case in cases]
    whole = [line.split() for line in expected if re.match(r"frontend \d", line)]
    assert [line[-1] for line in whole] == [f"{crc32(data):08x}" for data in features]
    assert [int(line[1]) * int(line[2]) for line in whole] == [len(data) for data in features]
    pieces = [line.split()[-1] for line in expected if line.startswith("frontend in pieces")]
    assert pieces == [line[-1] for line in whole]
    # A model of each operator, and what the streaming step, the tones and the detector give.
    models = [line.split()[1] for line in expected if line.startswith("model ")]
    assert set(GENERATORS) <= set(models)
    assert len(models) == len(GENERATORS) + 2


def test_unix_prints_the_same_lines(pieces: list[str], expected: list[str], tmp_path: Path) -> None:
    assert run_unix(pieces, tmp_path) == expected


def run_unix(pieces: list[str], folder: Path) -> list[str]:
    image = image_of("unix", folder)
    script = folder / "program.py"
    script.write_text("\n".join(pieces), encoding="utf-8")
    done = subprocess.run([image, script], capture_output=True, text=True, timeout=PIECE_S, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_unix_accepts_a_pushed_model_with_the_same_lines(tmp_path: Path) -> None:
    lines = program.run_here(list(program.pushes(str(tmp_path / "here"))))
    assert sum('"trial":true' in line for line in lines) == 2
    assert any('"rolled_back":"push.unconfirmed"' in line for line in lines)
    assert lines[-1] == "no file slot_b.tflite"
    assert any(line.startswith("kept 900") for line in lines)
    assert run_unix(list(program.pushes(str(tmp_path / "there"))), tmp_path) == lines


def test_unix_does_not_replace_a_settings_file_that_lacks_its_end(tmp_path: Path) -> None:
    """MicroPython's json takes an object that is not closed."""
    path = tmp_path / "settings.json"
    path.write_text('{"status_s": 3, ')
    lines = [
        "from soundfw import FirmwareError",
        "from soundfw.storage import saved_rules",
        f"try: saved_rules.save({str(path)!r}, {{'a': 'led'}})",
        "except FirmwareError as e: print(e.args[0])",
    ]
    assert run_unix(lines, tmp_path) == ["set.settings"]
    assert path.read_text() == '{"status_s": 3, '


@pytest.mark.parametrize("board", ["qemu_arm", "qemu_rv32"])
def test_emulated_chip_prints_the_same_lines(
    board: str, pieces: list[str], expected: list[str], tmp_path: Path
) -> None:
    qemu = find_board(board).qemu
    assert qemu is not None
    if shutil.which(qemu.program) is None:
        pytest.skip(f"{qemu.program} is not installed")
    printed = ""
    with QemuMachine(find_board(board), image_of(board, tmp_path)) as machine:
        for piece in pieces:
            printed += machine.exec(piece, PIECE_S)
        # Used in place: in flash (below the RAM of either machine), aligned.
        address = machine.exec("import uctypes; print(uctypes.addressof(DETECTOR))")
    assert printed.splitlines() == expected
    assert int(address) % 16 == 0
    ram = {"qemu_arm": 0x20000000, "qemu_rv32": 0x80400000}[board]
    assert int(address) < ram


def test_an_emulated_board_that_stops_says_why(tmp_path: Path) -> None:
    board = find_board("qemu_arm")
    assert board.qemu is not None
    if shutil.which(board.qemu.program) is None:
        pytest.skip(f"{board.qemu.program} is not installed")
    with QemuMachine(board, image_of("qemu_arm", tmp_path)) as machine:
        with pytest.raises(DeviceError, match="ZeroDivisionError"):
            machine.exec("1 // 0")
        assert machine.exec("print('goes on')") == "goes on\n"
        with pytest.raises(SoundsdkError, match="not answered"):
            machine.exec("while True: pass", 1)
