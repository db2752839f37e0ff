"""Refusals of install, by the real mpremote, that leave the board as it was; and packages for mip."""

from __future__ import annotations

import http.server
import importlib.metadata
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from stock_place import Place
from tone_boards import MODEL

from soundfw import VERSION
from soundsdk import cli
from soundsdk.build import mip_packages
from soundsdk.build.soundfw_files import soundfw_files
from soundsdk.stock import fits
from virtual_boards.virtual_port import VirtualPorts

Capture = pytest.CaptureFixture[str]
MPY_RV64 = 12 << 10 | 3 << 8 | 6


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with VirtualPorts(tmp_path) as ports:
        yield Place(tmp_path, ports)


REFUSED = {
    "old version": ({"version": (1, 23, 0, "")}, ["1.23.0", "1.24"]),
    "no native modules": ({"_mpy": 0}, ["loads no native modules", "soundsdk build"]),
    "other .mpy files": ({"_mpy": 2 << 10 | 5}, ["version 5.0", "6.3"]),
    "no module for it": ({"_mpy": MPY_RV64}, ["rv64imc", "rv32imc"]),
    "another Python": ({"name": "circuitpython"}, ["circuitpython", "not MicroPython", "monitor --listen"]),
    "no version": ({"version": ()}, ["MicroPython of no version"]),
    "words that steer a terminal": ({"_machine": "\x1b[2J\x07Pico", "_mpy": 0}, ["·[2J·Pico: micropython"]),
}


@pytest.mark.parametrize("lie", REFUSED)
def test_a_board_that_cannot_run_it_is_refused(place: Place, lie: str, capsys: Capture) -> None:
    place.flash.implementation, words = REFUSED[lie]
    place.plug()
    assert place.install() == 6
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert place.files() == place.before


def test_too_little_memory_is_refused_with_the_numbers(place: Place, capsys: Capture) -> None:
    place.plug(heap=120_000)
    assert place.install() == 6
    said = capsys.readouterr().err
    assert "too little memory" in said
    assert f"{len(MODEL)} and " in said
    assert str(fits.SOUNDFW_RAM_BYTES[""]) in said
    assert place.files() == place.before


def test_a_small_file_system_is_refused_with_the_numbers(place: Place, capsys: Capture) -> None:
    place.small(40)
    place.plug()
    assert place.install() == 6
    said = capsys.readouterr().err
    assert "file system is too full" in said
    assert "blocks of 4096" in said
    assert place.files() == place.before


def test_a_file_system_that_gets_full_names_the_file_and_is_put_back(
    place: Place, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fits, "check_file_system", lambda *_: None)
    place.small(56)
    place.plug()
    assert place.install() == 6
    said = capsys.readouterr().err
    assert "the board's file system does not take lib/soundfw/" in said
    assert "no space left on device" in said
    assert "The board is as it was." in said
    assert place.files() == place.before


def test_a_silent_board_a_busy_port_and_no_port(place: Place, capsys: Capture) -> None:
    port = place.plug(silent=True)
    assert place.install() == 5
    assert "does not answer as MicroPython" in capsys.readouterr().err
    with port.held():
        assert place.install() == 4
        assert place.uninstall() == 4
    assert "in use by another program" in capsys.readouterr().err
    with port.forbidden():
        assert cli.run(["install", port.path, "--board", "unix"], place.ports) == 4
    port.unplug()
    assert cli.run(["install", "--board", "unix"], place.ports) == 3
    assert place.files() == place.before


def test_a_main_py_of_the_user_is_kept(place: Place, capsys: Capture) -> None:
    place.store({"main.py": b"while True:\n    pass\n"})
    place.plug()
    assert place.install() == 2
    said = capsys.readouterr().err
    assert "files of yours where soundsdk needs the place: main.py." in said
    assert "--force" in said
    assert place.files() == place.before
    assert place.install("--force") == 0
    assert "Your main.py is kept as main.py.before-soundsdk" in capsys.readouterr().err
    assert place.files()["main.py.before-soundsdk"] == place.before["main.py"]
    assert place.uninstall() == 0
    assert place.files() == place.before


def test_a_dry_run_writes_nothing(place: Place, capsys: Capture) -> None:
    place.plug()
    assert place.install("--dry-run") == 0
    said = capsys.readouterr().err
    assert "soundcore for x64" in said
    assert "Nothing was written." in said
    assert place.files() == place.before


def test_a_board_that_does_not_say_what_it_is_has_to_be_named(place: Place, capsys: Capture) -> None:
    place.plug()
    assert cli.run(["install", place.ports.ports[0].path, "-m", str(place.folder / "tone.tflite")], place.ports) == 2
    said = capsys.readouterr().err
    assert "does not show which board it is" in said
    assert "soundsdk boards lists them" in said
    words = ["install", place.ports.ports[0].path, "-m", str(place.folder / "tone.tflite"), "--board"]
    assert cli.run([*words, "unix"], place.ports) == 2
    assert "names no microphone" in capsys.readouterr().err
    assert cli.run([*words, "rpi_pico"], place.ports) == 6
    assert "has the port rp2" in capsys.readouterr().err


def test_without_mpremote(place: Place, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    original = importlib.metadata.version

    def version(name: str) -> str:
        if name == "mpremote":
            raise importlib.metadata.PackageNotFoundError(name)
        return original(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    place.plug()
    assert place.install() == 7
    assert "mpremote is not installed" in capsys.readouterr().err


def test_mip_installs_the_package_of_an_architecture(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = place.plug()
    # mip writes slowly: a few of the files will do.
    few = ("soundfw/__init__.", "soundfw/platform/")
    some = {path: data for path, data in soundfw_files(print).items() if path.startswith(few)}
    monkeypatch.setattr(mip_packages, "soundfw_files", lambda _: some)
    assert cli.run(["build", "--native", "x64", "-o", str(tmp_path / "mip")]) == 0
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "mip"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = ["mip", "install", f"http://127.0.0.1:{server.server_address[1]}/package-x64.json"]
        mpremote(port.path, *words)
        server.shutdown()
    imports = "import soundcore, soundfw.platform; print(soundcore.Error.__name__, soundfw.VERSION)"
    assert mpremote(port.path, "exec", imports).split() == ["Error", VERSION]


def mpremote(port: str, *words: str) -> str:
    command = [sys.executable, "-m", "mpremote", "connect", port, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "settings", ["[1]", "{", '{"mic": 5}', '{"mic": {"kind": "ear"}}', '{"mic": {"kind": "i2s"}}', '{"color": 1}']
)
def test_settings_that_cannot_be_used(place: Place, settings: str, capsys: Capture) -> None:
    (place.folder / "settings.json").write_text(settings)
    place.plug()
    assert place.install() in (1, 2)
    assert "settings" in capsys.readouterr().err
    assert place.files() == place.before
