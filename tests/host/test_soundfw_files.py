"""soundfw as files for stock MicroPython: from a release, compiled here, or as they are; and packages for mip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soundsdk.build import soundfw_files
from soundsdk.build.mip_packages import write_packages
from soundsdk.build.native import NativeModule
from soundsdk.build.prebuilt import CompiledFacts
from soundsdk.errors import ToolError
from stock_micropython import mpy_cross

MODULE = NativeModule("rv32imc", b"M", CompiledFacts("", "", "", 1), "", fresh=False)


@pytest.fixture(autouse=True)
def _compiler() -> None:
    mpy_cross()


def test_every_module_but_the_program_for_sound_files_is_compiled() -> None:
    files = soundfw_files.soundfw_files(print)
    assert {"soundfw/main.mpy", "soundfw/wire/link.mpy", "soundfw/storage/model_memory.mpy"} <= set(files)
    assert "soundfw/__main__.mpy" not in files
    elsewhere = ("circuit", "cpython", "numbered_files", "sender")
    assert [path for path in files if path.rpartition("/")[2].startswith(elsewhere)] == []
    # The first bytes of a .mpy file: its version, and that it holds no native code.
    assert {data[:3] for data in files.values()} == {b"M\x06\x00"}
    assert sum(map(len, files.values())) < 64_000


def test_a_release_holds_them_and_needs_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = soundfw_files.soundfw_files(print)
    packed = soundfw_files.archive(print)
    assert packed == soundfw_files.archive(print), "two releases are equal"
    (tmp_path / soundfw_files.ARCHIVE).write_bytes(packed)
    monkeypatch.setattr(soundfw_files, "images_dir", lambda: tmp_path)
    no_compiler(monkeypatch)
    said: list[str] = []
    assert soundfw_files.soundfw_files(said.append) == compiled
    assert said == []
    # They are of another soundfw, or damaged.
    (tmp_path / soundfw_files.ARCHIVE).write_bytes(packed[:-1] + b"x")
    assert "soundfw/main.py" in soundfw_files.soundfw_files(said.append)
    (tmp_path / soundfw_files.ARCHIVE).write_bytes(packed[: len(packed) // 2])
    assert "soundfw/main.py" in soundfw_files.soundfw_files(said.append)


def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> Path:
        raise ToolError("there is no compiler.", "Install one.")

    monkeypatch.setattr(soundfw_files, "found_compiler", lambda: None)
    monkeypatch.setattr(soundfw_files, "make_compiler", missing)


def test_without_a_compiler_they_go_as_they_are_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    no_compiler(monkeypatch)
    said: list[str] = []
    files = soundfw_files.soundfw_files(said.append)
    assert files["soundfw/storage/files.py"].startswith(b'"""Small files on the board.')
    assert "more of its memory: there is no compiler" in said[0]


def test_a_package_names_files_beside_it(tmp_path: Path) -> None:
    (package,) = write_packages([MODULE], tmp_path, print)
    urls = dict(json.loads(package.read_text())["urls"])
    assert package.name == "package-rv32imc.json"
    assert urls.pop("soundcore.mpy") == "soundcore-rv32imc.mpy"
    assert urls["soundfw/main.mpy"] == "soundfw/main.mpy"
    assert all((tmp_path / address).is_file() for address in urls.values())
