"""Images for the ESP32 chips, built with a stand-in for ESP-IDF.

ESP-IDF is not on the machines that test soundsdk. The stand-in records its arguments and writes the files that ESP-IDF
would. It cannot show that ESP-IDF compiles the image.
"""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from soundfw.storage import store
from soundsdk import cli
from soundsdk.boards import Board, find_board
from soundsdk.build import builder, esp_idf, region, sources
from soundsdk.errors import EXIT_TOOL, CheckError
from soundsdk.models.shipped import load_model
from soundsdk.resources import firmware_dir
from virtual_boards.esp32 import image
from virtual_boards.esp32.chips import CHIPS
from virtual_boards.esp32.flash import Flash

BOARDS = ["esp32_devkit", "esp32s3_devkit", "esp32c3_devkit"]
APP_BYTES = 700_016

# idf.py of the stand-in: arguments and environment go to seen.json; the parts are of one byte, or files.
IDF_PY = """#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
words = sys.argv[1:]
build = Path(words[words.index("-B") + 1])
env = {key: os.environ[key] for key in ("CFLAGS", "IDF_TARGET", "IDF_PATH", "EXPORTED", "SOURCE_DATE_EPOCH", "LC_ALL",
                                        "MICROPY_GIT_TAG") if key in os.environ}
here = Path(__file__).resolve().parent
(here / "seen.json").write_text(json.dumps({"words": words, "env": env}))
print("[1/3] Building C object", flush=True)
print("[3/3] Generating binary image", flush=True)
plan = json.loads((here / "plan.json").read_text())
if plan["fails"]:
    print("/src/model.c:7: error: it does not compile")
    print("ninja: build stopped: subcommand failed.")
    sys.exit(2)
(build / "flasher_args.json").write_text(json.dumps({
    "flash_files": {offset: name for offset, (name, _, _) in plan["parts"].items()},
    "extra_esptool_args": {"chip": plan["chip"]},
}))
for name, byte, count in plan["parts"].values():
    path = build / name
    path.parent.mkdir(exist_ok=True)
    if (here / name).is_file():
        path.write_bytes((here / name).read_bytes())
    elif count:
        path.write_bytes(bytes([byte]) * count)
"""


@pytest.fixture
def idf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder that looks like ESP-IDF 5.4.1."""
    folder = tmp_path / "idf"
    (folder / "tools/cmake").mkdir(parents=True)
    (folder / "export.sh").write_text('echo "Checking tools"\nexport EXPORTED=1 PATH="$IDF_PATH/tools:$PATH"\n')
    (folder / "tools/idf.py").write_text(IDF_PY)
    (folder / "tools/idf.py").chmod(0o755)
    set_version(folder, 5, 4, 1)
    monkeypatch.setenv("IDF_PATH", str(folder))
    monkeypatch.setenv("IDF_TARGET", "esp32h2")
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    micropython = tmp_path / "micropython"
    (micropython / "mpy-cross").mkdir(parents=True)
    (micropython / "mpy-cross/Makefile").write_text("all:\n\t@echo mpy-cross\n")
    monkeypatch.setattr(sources, "fetch", lambda *args: sources.Sources(micropython, tmp_path / "pico-sdk", "key"))
    return folder


def set_version(folder: Path, *numbers: int) -> None:
    names = ("MAJOR", "MINOR", "PATCH")
    lines = [f"set(IDF_VERSION_{name} {number})" for name, number in zip(names, numbers, strict=True)]
    (folder / "tools/cmake/version.cmake").write_text("\n".join(lines))


def application(board: Board, size: int = APP_BYTES) -> bytes:
    """Make an application of `size` bytes, a multiple of 16, with an empty region for a detector."""
    assert board.build is not None
    assert board.esptool is not None
    room = board.build.region_bytes
    held = region.empty(board.id, "0.1.0", room).ljust(room, b"\0")
    code = b"\xa9" * (size - room - 24 - 2 * 8 - 16 - 32)
    made = image.make(CHIPS[board.esptool.chip], [(0x3F400020, held), (0x400D0020, code)])
    assert len(made) == size
    return made


def set_plan(folder: Path, board: Board, app: int = APP_BYTES, fails: bool = False, **change: object) -> None:
    tool = board.esptool
    assert tool is not None
    parts = {
        f"{tool.bootloader:#x}": ("bootloader/bootloader.bin", 0xB0, 20_000),
        f"{tool.app:#x}": ("micropython.bin", 0xA9, app),
        f"{tool.partitions:#x}": ("partition_table/partition-table.bin", 0x9A, 3072),
    }
    plan = {"chip": tool.chip, "parts": parts, "fails": fails} | change
    (folder / "tools/plan.json").write_text(json.dumps(plan))
    (folder / "tools/micropython.bin").write_bytes(application(board, app))


@pytest.mark.parametrize("name", BOARDS)
def test_the_image_holds_the_three_parts_at_the_offsets_of_the_board_file(
    name: str, tmp_path: Path, idf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = find_board(name)
    set_plan(idf, board)
    made = builder.build_image(board, load_model("home"), None, tmp_path / "out", print)
    assert made.compiled
    assert made.path == tmp_path / "out" / f"{name}.bin"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o644
    data = made.path.read_bytes()
    assert board.esptool is not None
    start = board.esptool.bootloader
    table, app = board.esptool.partitions - start, board.esptool.app - start
    assert data[:20_000] == b"\xb0" * 20_000
    assert data[20_000:table] == b"\xff" * (table - 20_000)
    assert data[table : table + 3072] == b"\x9a" * 3072
    assert data[table + 3072 : app] == b"\xff" * (app - table - 3072)
    assert made.size_bytes == len(data) == app + APP_BYTES
    # What differs from ESP-IDF's application is the region, and the checksum and the hash, which are right.
    found = region.find(data)
    assert found is not None
    assert (found.board, found.detector) == (name, load_model("home").data)
    flash = Flash(board.flash_bytes)
    flash.write(board.esptool.app, data[app:])
    flash.write(start, image.make_flash_image(CHIPS[board.esptool.chip], b"")[: app])
    assert image.boot(flash, CHIPS[board.esptool.chip]).app == data[app:]
    begins = data.index(store.MAGIC) - app
    for part in (slice(None, begins), slice(begins + board.build.region_bytes, -33)):
        assert data[app:][part] == application(board)[part]
    (idf / "tools/seen.json").unlink()
    again = builder.build_image(board, load_model("home"), None, tmp_path / "again", print)
    assert not again.compiled
    assert again.path.read_bytes() == data
    # A new detector starts no ESP-IDF, and needs none.
    monkeypatch.delenv("IDF_PATH")
    other = builder.build_image(board, load_model("esc10"), None, tmp_path / "other", print)
    assert not other.compiled
    held = region.find(other.path.read_bytes())
    assert held is not None
    assert held.detector == load_model("esc10").data
    assert not (idf / "tools/seen.json").exists()


@pytest.mark.parametrize("name", BOARDS)
def test_idf_py_gets_the_board_the_modules_and_the_detector(name: str, tmp_path: Path, idf: Path) -> None:
    board = find_board(name)
    set_plan(idf, board)
    builder.build_image(board, load_model("home"), None, tmp_path / "out", print)
    seen = json.loads((idf / "tools/seen.json").read_text())
    words = seen["words"]
    assert words[-1] == "build"
    assert words[words.index("-C") + 1] == str(tmp_path / "micropython/ports/esp32")
    told = dict(word[2:].split("=", 1) for word in words if word.startswith("-D"))
    assert told["MICROPY_BOARD"] == name
    folder = Path(told["MICROPY_BOARD_DIR"])
    assert {"mpconfigboard.cmake", "mpconfigboard.h", "partitions.csv"} <= {path.name for path in folder.iterdir()}
    for key in ("USER_C_MODULES", "MICROPY_FROZEN_MANIFEST"):
        assert Path(told[key]).is_file(), key
    assert (Path(told["SOUNDMODEL_DIR"]) / "soundmodel_data.c").is_file()
    assert (Path(told["MICROPY_MANIFEST_SOUNDBOARD_DIR"]) / "soundboard.py").is_file()
    assert (Path(told["MICROPY_MANIFEST_SOUNDFW_DIR"]) / "soundfw/main.py").is_file()
    env = seen["env"]
    assert env["EXPORTED"] == "1"
    assert env["IDF_PATH"] == str(idf)
    assert env["SOURCE_DATE_EPOCH"].isdigit()
    assert env["MICROPY_GIT_TAG"] == f"v{sources.MICROPYTHON}"
    assert env["LC_ALL"] == "C.UTF-8"
    assert "IDF_TARGET" not in env
    assert "CFLAGS" not in env


def refused(board: str, out: Path, capfd: pytest.CaptureFixture[str], code: int = 1) -> str:
    """Run `soundsdk build`, check that it fails and leaves nothing in `out`, and return what it prints."""
    assert cli.run(["build", board, "-o", str(out)]) == code
    said, err = capfd.readouterr()
    assert said == ""
    assert "Traceback" not in err
    assert not out.exists()
    return err


def test_without_esp_idf_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("IDF_PATH", raising=False)
    said = refused("esp32c3_devkit", tmp_path / "out", capfd, EXIT_TOOL)
    assert "needs Espressif's ESP-IDF" in said
    assert "v5.4" in said
    assert "esp32c3" in said
    assert "docs.espressif.com" in said


@pytest.mark.parametrize("lacks", ["export.sh", "tools/idf.py", "tools/cmake/version.cmake"])
def test_a_folder_that_is_no_esp_idf_is_refused(
    lacks: str, tmp_path: Path, idf: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (idf / lacks).unlink()
    assert f"lacks {lacks}" in refused("esp32_devkit", tmp_path / "out", capfd, EXIT_TOOL)


@pytest.mark.parametrize("numbers", [(5, 1, 6), (5, 5, 0), (6, 0, 0), (4, 4, 8)])
def test_a_version_that_micropython_does_not_support_is_refused(
    numbers: tuple[int, int, int], tmp_path: Path, idf: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    set_version(idf, *numbers)
    said = refused("esp32_devkit", tmp_path / "out", capfd, EXIT_TOOL)
    assert ".".join(map(str, numbers)) in said
    assert "5.2, 5.3, 5.4" in said


def test_what_esp_idf_says_is_shown_when_it_stops(tmp_path: Path, idf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    set_plan(idf, find_board("esp32_devkit"), fails=True)
    said = refused("esp32_devkit", tmp_path / "out", capfd)
    assert "/src/model.c:7: error: it does not compile" in said
    assert "All that was said" in said
    (idf / "export.sh").write_text('echo "ERROR: tool cmake has no installed versions." >&2; return 1\n')
    assert "has no installed versions" in refused("esp32_devkit", tmp_path / "out", capfd)


def test_parts_that_are_not_where_the_board_file_says_are_refused(
    tmp_path: Path, idf: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    board = find_board("esp32_devkit")
    set_plan(idf, board, chip="esp32s3")
    assert "made parts for esp32s3" in refused(board.id, tmp_path / "out", capfd)
    moved = {"0x0": ("b.bin", 1, 5), "0x8000": ("p.bin", 2, 5), "0x10000": ("a.bin", 3, 5)}
    set_plan(idf, board, parts=moved)
    assert "at 0x0, 0x8000, 0x10000" in refused(board.id, tmp_path / "out", capfd)
    large = {"0x1000": ("b.bin", 1, 0x7001), "0x8000": ("p.bin", 2, 5), "0x10000": ("a.bin", 3, 5)}
    set_plan(idf, board, parts=large)
    assert "overlap: p.bin" in refused(board.id, tmp_path / "out", capfd)
    none = {"0x1000": ("b.bin", 1, 5), "0x8000": ("p.bin", 2, 5), "0x10000": ("none.bin", 3, 0)}
    set_plan(idf, board, parts=none)
    assert "no complete image" in refused(board.id, tmp_path / "out", capfd)


def test_an_application_larger_than_its_partition_is_refused(
    tmp_path: Path, idf: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    board = find_board("esp32c3_devkit")
    set_plan(idf, board, app=0x280000)
    made = builder.build_image(board, load_model("home"), None, tmp_path / "fits", print)
    assert made.size_bytes == board.image_bytes
    set_plan(idf, board, app=0x280010)
    set_version(idf, 5, 3, 1)
    with pytest.raises(CheckError, match="too large for ESP32-C3-DevKit"):
        builder.build_image(board, load_model("home"), None, tmp_path / "out", print)
    assert not (tmp_path / "out").exists()


def test_another_esp_idf_is_a_reason_to_build_again(tmp_path: Path, idf: Path) -> None:
    board = find_board("esp32s3_devkit")
    set_plan(idf, board)
    assert builder.build_image(board, load_model("home"), None, tmp_path, print).compiled
    set_version(idf, 5, 3, 2)
    assert esp_idf.version() == "5.3.2"
    assert builder.build_image(board, load_model("home"), None, tmp_path, print).compiled
    assert not builder.build_image(board, load_model("home"), None, tmp_path, print).compiled


@pytest.mark.parametrize("name", BOARDS)
def test_partitions_agree_with_the_board_file(name: str) -> None:
    board = find_board(name)
    assert board.esptool is not None
    rows = []
    for line in (firmware_dir() / "ports" / name / "partitions.csv").read_text().splitlines():
        if not line.startswith("#"):
            label, kind, sub, offset, size = (word.strip() for word in line.split(",")[:5])
            rows.append((int(offset, 0), int(size, 0), label, kind, sub))
    end = board.esptool.partitions + 0x1000  # the table takes one sector
    for offset, size, *_ in rows:
        assert offset == end, "a gap or an overlap"
        end = offset + size
    assert end == board.flash_bytes
    by_label = {label: (offset, size, kind) for offset, size, label, kind, _ in rows}
    offset, size, kind = by_label["factory"]
    assert (offset, kind) == (board.esptool.app, "app")
    assert offset % 0x10000 == 0  # ESP-IDF: applications begin at a multiple of 64 KB
    assert offset + size - board.esptool.bootloader == board.image_bytes
    # MicroPython's port puts its file system (littlefs, made at the first start) into the partition called vfs.
    assert by_label["vfs"][2] == "data"
    assert by_label["vfs"][1] >= 1024 * 1024


@pytest.fixture
def micropython() -> Path:
    """Return the folder of MicroPython's real sources."""
    return sources.fetch(None, print).micropython


@pytest.mark.parametrize("name", BOARDS)
def test_the_board_settings_reach_esp_idf(
    name: str, tmp_path: Path, micropython: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run the port's real CMakeLists.txt, up to the point where ESP-IDF takes over."""
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed (apt-get install cmake)")
    board = find_board(name)
    (tmp_path / "tools/cmake").mkdir(parents=True)
    (tmp_path / "tools/cmake/project.cmake").write_text(
        'file(WRITE ${CMAKE_BINARY_DIR}/seen "${IDF_TARGET};${MICROPY_PY_BTREE};${MICROPY_FROZEN_MANIFEST}")\n'
    )
    monkeypatch.setenv("IDF_PATH", str(tmp_path))
    build = tmp_path / "build"
    told = [f"-DMICROPY_BOARD={name}", f"-DMICROPY_BOARD_DIR={firmware_dir() / 'ports' / name}",
            "-DMICROPY_FROZEN_MANIFEST=manifest"]  # fmt: skip
    words = ["cmake", "-S", micropython / "ports/esp32", "-B", build, "-Wno-dev", *told]
    subprocess.run(words, check=True, capture_output=True, timeout=120)
    assert board.esptool is not None
    assert (build / "seen").read_text() == f"{board.esptool.chip};OFF;manifest"
    lines = (build / "sdkconfig.combined").read_text().splitlines()
    last = dict(line.split("=", 1) for line in lines if line.startswith("CONFIG_"))
    assert Path(last["CONFIG_PARTITION_TABLE_CUSTOM_FILENAME"].strip('"')).samefile(
        firmware_dir() / "ports" / name / "partitions.csv"
    )
    assert last["CONFIG_PARTITION_TABLE_CUSTOM"] == "y"
    assert last["CONFIG_APP_REPRODUCIBLE_BUILD"] == "y"
    assert last[f"CONFIG_ESPTOOLPY_FLASHSIZE_{board.flash_bytes >> 20}MB"] == "y"
    mhz = [key for key, value in last.items() if key.startswith("CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ_") and value == "y"]
    assert mhz == ([] if name == "esp32c3_devkit" else ["CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ_240"])
    common = (micropython / "ports/esp32/esp32_common.cmake").read_text()
    assert "if(NOT DEFINED MICROPY_PY_BTREE)" in common
    assert "if(MICROPY_PY_BTREE)\n    target_link_libraries" in common
