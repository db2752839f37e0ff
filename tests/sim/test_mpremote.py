"""mpremote against every emulated board, at the port that each serves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from target_needs import need_target

from soundfw import VERSION
from soundsdk import cli
from soundsdk.boards import find_board
from soundsdk.models.shipped import load_model
from soundsdk_sim.rp2040 import Rp2040
from soundsdk_sim.targets.images import cached_image
from soundsdk_sim.targets.qemu_terminal import open_terminal

TIMEOUT_S = 120
PLATFORMS = {"qemu-arm": "qemu", "qemu-rv32": "qemu", "rp2040": "rp2"}


class Port:
    """A board at a port. target, name: what mpremote connects to."""

    def __init__(self, target: str, name: str) -> None:
        self.target = target
        self.name = name

    def mpremote(self, *words: object) -> str:
        command = [sys.executable, "-m", "mpremote", "connect", self.name, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module", params=PLATFORMS)
def port(request: pytest.FixtureRequest) -> Iterator[Port]:
    target = request.param
    need_target(target)
    if target == "rp2040":
        # Its main.py has started the detector: mpremote's Ctrl-C must get through.
        with Rp2040(cached_image("rpi_pico", load_model())) as board:
            board.boot()
            with board.serve() as number:
                yield Port(target, f"socket://127.0.0.1:{number}")
        return
    board_id = target.replace("-", "_")
    with open_terminal(find_board(board_id), cached_image(board_id)) as path:
        yield Port(target, path)


def test_exec_and_eval(port: Port) -> None:
    assert port.mpremote("exec", "print(6 * 7)").strip() == "42"
    assert port.mpremote("exec", "import sys; print(sys.platform)").strip() == PLATFORMS[port.target]
    assert port.mpremote("eval", "6 * 7").strip() == "42"


def test_run_a_long_script(port: Port, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    lines = [f"x{i} = {i}" for i in range(500)] + ["print(sum(globals()[f'x{i}'] for i in range(500)))"]
    script.write_text("\n".join(lines))
    assert port.mpremote("run", script).strip() == str(sum(range(500)))


def test_the_firmware_is_there(port: Port) -> None:
    code = "import soundfw; from soundfw.storage import store; print(soundfw.VERSION, len(store.load('none')))"
    assert port.mpremote("exec", code).split() == [VERSION, str(len(load_model().data))]
    printed = port.mpremote("soft-reset", "exec", code)
    assert printed.split() == [VERSION, str(len(load_model().data))]


def test_install_is_refused_on_an_image_of_soundsdk(port: Port, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["install", port.name]) == 6
    said = capsys.readouterr().err
    assert "the board runs an image of soundsdk already" in said
    assert "soundsdk push" in said


def test_an_exception_is_an_error(port: Port) -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        port.mpremote("exec", "1 // 0")


def test_files_where_the_port_has_a_file_system(port: Port, tmp_path: Path) -> None:
    if port.target != "rp2040":
        # QEMU's port has none, and reports it.
        assert port.mpremote("fs", "ls").split() == ["ls", ":"]
        (tmp_path / "a.txt").write_text("a")
        with pytest.raises(AssertionError, match="No such device"):
            port.mpremote("fs", "cp", tmp_path / "a.txt", ":a.txt")
        return
    (tmp_path / "a.txt").write_text("kept\n" * 50)
    port.mpremote("fs", "cp", tmp_path / "a.txt", ":a.txt")
    assert "a.txt" in port.mpremote("fs", "ls")
    assert port.mpremote("fs", "cat", ":a.txt").replace("\r", "") == "kept\n" * 50
    port.mpremote("fs", "cp", ":a.txt", tmp_path / "b.txt")
    assert (tmp_path / "b.txt").read_text() == "kept\n" * 50
