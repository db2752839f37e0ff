"""The verb build: what it refuses, what it leaves, and that two builds are one image."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from soundfw import VERSION
from soundfw.settings import Settings
from soundsdk import cli
from soundsdk.boards import Board, all_boards, find_board
from soundsdk.build import builder, contents, engine_code, image_file, make, region, sources, toolchain, uf2
from soundsdk.cache import cache_dir
from soundsdk.errors import CheckError, ToolError
from soundsdk.models.shipped import load_model


@pytest.fixture
def cache() -> Path:
    """Return the cache of all tests, so that sources are fetched once."""
    return cache_dir()


def need_tools(board: str) -> None:
    try:
        toolchain.check(find_board(board))
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")


def test_uf2_holds_the_image_block_by_block() -> None:
    data = bytes(range(256)) * 2 + b"end"
    packed = uf2.pack(data, 0x10000000, 0xE48BFF56)
    assert len(packed) == 3 * 512
    got = b""
    for i in range(3):
        block = packed[i * 512 : (i + 1) * 512]
        head = struct.unpack("<8I", block[:32])
        assert head == (0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + 256 * i, 256, i, 3, 0xE48BFF56)
        assert block[508:] == struct.pack("<I", 0x0AB16F30)
        got += block[32 : 32 + 256]
    assert got == data.ljust(768, b"\0")


def test_every_board_with_an_image_can_be_built() -> None:
    for board in all_boards():
        assert (board.build is None) == (board.port == "cpython" or board.way != "image"), board.id
        assert (board.qemu is not None) == (board.port == "qemu"), board.id
        assert (board.uf2 is not None) == (board.port == "rp2"), board.id
        assert (board.esptool is not None) == (board.port == "esp32"), board.id


@pytest.mark.parametrize("name", ["rpi_pico", "qemu_arm"])
def test_contents_are_an_empty_region_and_left_alone_when_they_are_the_same(name: str, tmp_path: Path) -> None:
    board = find_board(name)
    assert board.build is not None
    contents.write(board, tmp_path)
    source = tmp_path / "soundmodel_data.c"
    assert "aligned(16" in source.read_text()
    numbers = source.read_text().split("{")[1].split("}")[0].replace(",", " ").split()
    found = region.locate(bytes(map(int, numbers)))
    assert found == region.Region(0, board.build.region_bytes, name, VERSION)
    assert len(numbers) % 16 == 0
    os.utime(source, (1, 1))
    contents.write(board, tmp_path)
    assert source.stat().st_mtime == 1
    contents.write(board, tmp_path, "12345678")
    assert source.stat().st_mtime != 1
    facts: dict[str, Any] = {}
    exec((tmp_path / "soundboard.py").read_text(), facts)
    assert facts["SETTINGS"]["build"] == "12345678"
    assert name != "rpi_pico" or Settings(facts["SETTINGS"]).mic["sck"] == 16


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["no-such-board"], 2, "there is no board no-such-board"),
        (["../boards/unix"], 2, "there is no board"),
        (["sim"], 2, "needs no image"),
        (["unix", "--model", "none.tflite"], 1, "cannot be read"),
        (["unix", "--sources", "no-such-folder"], 2, "does not exist"),
    ],
)
def test_wrong_calls_are_one_sentence_and_an_exit_code(
    words: list[str], code: int, says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["build", *words, "-o", str(tmp_path / "out")]) == code
    out, err = capfd.readouterr()
    assert says in err
    assert out == ""
    assert not (tmp_path / "out").exists()


def test_a_missing_tool_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.run(["build", "qemu_rv32", "-o", str(tmp_path / "out")]) == 7
    err = capfd.readouterr().err
    assert "riscv64-unknown-elf-gcc" in err
    assert "apt-get install" in err
    assert "gcc-riscv64-unknown-elf" in err
    assert not (tmp_path / "out").exists()


def test_a_model_too_large_for_the_board_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    detector = load_model("home")
    large = dataclasses.replace(detector, data=detector.data + bytes(600_000))
    with pytest.raises(CheckError, match=r"too large for Raspberry Pi Pico: \d+ bytes"):
        builder.build_image(find_board("rpi_pico"), large, None, tmp_path, print)
    hungry = dataclasses.replace(detector, arena_bytes=250_000)
    with pytest.raises(CheckError, match="of RAM"):
        builder.build_image(find_board("rpi_pico"), hungry, None, tmp_path, print)
    assert not list(tmp_path.iterdir())


def test_an_image_too_large_for_its_board_is_refused(tmp_path: Path) -> None:
    made = tmp_path / "firmware.bin"
    made.write_bytes(bytes(700_000))
    with pytest.raises(CheckError, match="700000 bytes of 655360"):
        builder.measure(find_board("rpi_pico"), made)


def test_a_firmware_that_leaves_too_little_room_for_a_detector_is_refused() -> None:
    board = find_board("rpi_pico")
    head = region.empty(board.id, VERSION, 0)
    least = board.image_bytes - region.LEAST_BYTES - 1024
    assert len(image_file.from_linker(bytes(least) + head, board)) == (least // 256 + 1) * 512
    with pytest.raises(CheckError, match=r"leaves 163824 of the 655360 bytes .* 163840 are needed"):
        image_file.from_linker(bytes(least + 16) + head, board)


def test_sources_that_lack_something_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    need_tools("unix")
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "src" / "micropython").mkdir(parents=True)
    assert cli.run(["build", "unix", "--sources", str(tmp_path / "src"), "-o", str(tmp_path / "out")]) == 1
    assert "lack micropython/py/mpconfig.h" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "cache").rglob("sources-*"))


def another_cache(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a cache at another path, with the sources of `cache` and no builds."""
    folder.mkdir()
    source = sources.fetch(None, print)
    (folder / f"sources-{source.key}").symlink_to(source.micropython.parent)
    monkeypatch.setenv("SOUNDSDK_CACHE", str(folder))


def test_a_build_that_stops_says_why_and_leaves_no_image(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    need_tools("unix")
    another_cache(tmp_path / "cache", cache, monkeypatch)
    real = make.environment
    monkeypatch.setattr(make, "environment", lambda *args: real(*args) | {"CFLAGS_EXTRA": "-include no-such-header.h"})
    assert cli.run(["build", "unix", "-o", str(tmp_path / "out")]) == 1
    err = capfd.readouterr().err
    assert "no-such-header.h" in err
    assert "All that was said" in err
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "cache" / "build").glob("*.image"))


@pytest.mark.parametrize("board", ["qemu_rv32", "rpi_pico"])
def test_two_builds_at_two_places_are_one_image(
    board: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_tools(board)
    detector = load_model("home")
    first = builder.build_image(find_board(board), detector, None, tmp_path, print)
    another_cache(tmp_path / "cache", cache, monkeypatch)
    second = builder.build_image(find_board(board), detector, None, tmp_path / "second", print)
    assert second.compiled
    assert second.sha256 == first.sha256


def test_nothing_is_done_when_nothing_has_changed(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_tools("unix")
    detector = load_model("home")
    first = builder.build_image(find_board("unix"), detector, None, tmp_path, print)
    engine = engine_code.of_board("unix").soundcore
    assert engine is not None
    assert 30_000 < engine < 100_000

    def run(*args: object) -> Path:
        raise AssertionError("it was built again")

    monkeypatch.setattr(make, "compile_firmware", run)
    again = builder.build_image(find_board("unix"), detector, None, tmp_path / "again", print)
    assert (again.sha256, again.compiled) == (first.sha256, False)
    assert again.path.read_bytes() == first.path.read_bytes()
    # Nor for another detector, or where there is no compiler.
    monkeypatch.setenv("PATH", str(tmp_path))
    begin = time.process_time()
    other = builder.build_image(find_board("unix"), load_model("esc10"), None, tmp_path / "other", print)
    assert time.process_time() - begin < 6  # 2 s on the computer of the README; CI's is up to three times slower
    assert not other.compiled
    assert other.sha256 != first.sha256
    # Nor for what a board file says to people alone; what gets into an image makes another one.
    board = find_board("unix")
    said = dataclasses.replace(board, name="changed", note="Read this.", psram_bytes=1)
    assert not builder.build_image(said, detector, None, tmp_path, print).compiled
    changed = dataclasses.replace(board, image_bytes=board.image_bytes + (8 << 20))
    with pytest.raises(ToolError):
        builder.build_image(changed, detector, None, tmp_path, print)


def test_what_was_compiled_in_another_way_is_not_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_tools("unix")
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sources, "fetch", lambda *args: sources.Sources(tmp_path, tmp_path, "key"))
    compiled = []

    def run(board: Board, source: object, holds: Path, folder: Path) -> Path:
        compiled.append(sorted(path.name for path in folder.glob("*.o")))
        (folder / f"{len(compiled)}.o").touch()
        (folder / "micropython").write_bytes(region.empty(board.id, VERSION, 1 << 20).ljust(1 << 20, b"\0"))
        return folder / "micropython"

    monkeypatch.setattr(make, "compile_firmware", run)
    board, detector = find_board("unix"), load_model("home")
    esc10 = load_model("esc10")
    builder.build_image(board, detector, None, tmp_path, print)
    builder.build_image(board, esc10, None, tmp_path, print)
    builder.build_image(dataclasses.replace(board, name="other"), esc10, None, tmp_path, print)
    assert compiled == [[]]
    builder.build_image(dataclasses.replace(board, image_bytes=1 << 20), esc10, None, tmp_path, print)
    assert compiled == [[], []]
    monkeypatch.setattr(toolchain, "version", lambda board: "another compiler")
    builder.build_image(board, esc10, None, tmp_path, print)
    assert compiled == [[], [], []]


def test_another_detector_in_the_same_folder_is_the_one_in_the_image(tmp_path: Path, cache: Path) -> None:
    need_tools("unix")
    code = "from soundfw.storage import store; print(store.sha256(store.load('none')))"
    for name in ("esc10", "home"):
        detector = load_model(name)
        made = builder.build_image(find_board("unix"), detector, None, tmp_path, print)
        said = subprocess.run([made.path, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
        assert hashlib.sha256(detector.data).hexdigest() in said


@pytest.mark.parametrize(
    ("why", "code", "says"),
    [
        ("unknown board", 2, "there is no board rpi_picot"),
        ("missing compiler", 7, "not installed"),
        ("model too large", 6, "too large for Raspberry Pi Pico"),
        ("broken sources", 1, "lack micropython/py/mpconfig.h"),
    ],
)
def test_an_older_image_stays_as_it_was_when_no_new_one_can_be_made(
    why: str, code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    out.mkdir()
    older = {"rpi_pico.uf2": b"older", "rpi_picot.uf2": b"other"}
    for name, data in older.items():
        (out / name).write_bytes(data)
    words = ["rpi_picot" if why == "unknown board" else "rpi_pico"]
    if why == "missing compiler":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif why == "model too large":
        large = dataclasses.replace(load_model("home"), data=load_model("home").data + bytes(600_000))
        monkeypatch.setattr("soundsdk.models.shipped.load_model", lambda name, warn: large)
    elif why == "broken sources":
        monkeypatch.setattr(toolchain, "check", lambda board: None)
        (tmp_path / "src").mkdir()
        words += ["--sources", str(tmp_path / "src")]
    assert cli.run(["build", *words, "-o", str(out)]) == code
    said, err = capfd.readouterr()
    assert said == ""
    assert says in err
    assert err.startswith("soundsdk: ")
    assert len(err.strip().splitlines()) <= 2, "one sentence, and what to do"
    assert {path.name: path.read_bytes() for path in out.iterdir()} == older


def test_json_is_one_object(tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    need_tools("unix")
    assert cli.run(["build", "unix", "--json", "-o", str(tmp_path)]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["image"] == str(tmp_path / "unix")
    assert found["size_bytes"] == (tmp_path / "unix").stat().st_size
    assert cli.run(["build", "unix", "--model", "esc10", "--json", "-o", str(tmp_path)]) == 0
    said, err = capfd.readouterr()
    assert json.loads(said)["compiled"] is False
    assert "nothing compiled" in err
