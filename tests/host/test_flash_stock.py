"""The verb flash with --stock on virtual Picos: MicroPython's image and files in one UF2, and every refusal."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import random
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import flash_images
import pytest
from littlefs import LittleFS, UserContext
from tone_boards import MODEL, beeps

import stock_images
from soundsdk import Device, detector_file
from soundsdk.boards import find_board
from soundsdk.build import native, uf2
from soundsdk.build.soundfw_files import soundfw_files
from soundsdk.cli import run
from soundsdk.device.system import System
from soundsdk.errors import CheckError
from soundsdk.flash.timeouts import FlashTimeouts
from soundsdk.stock import payload
from soundsdk.stock.image import binary_info, file_system
from soundsdk.stock.on_board import RECORD
from stock_micropython import stock_unix
from stock_pico import stock_pico
from virtual_boards.computer import VirtualComputer
from virtual_boards.esp32.flash import SECTOR_BYTES
from virtual_boards.pico import boot_rom
from virtual_boards.pico.virtual_pico import PicoFaults, VirtualPico
from virtual_boards.stock_board import StockFlash

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

Capture = pytest.CaptureFixture[str]
AT, SIZE = stock_images.PICO_FILES
TIMEOUTS = FlashTimeouts()


@pytest.fixture(autouse=True)
def _no_default_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOUNDSDK_PORT", raising=False)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tone.tflite"
    path.write_bytes(MODEL)
    return path


@pytest.fixture
def files(tmp_path: Path) -> stock_images.FlashedFiles:
    return stock_images.pico_files(tmp_path, beeps(60))


@pytest.fixture
def pico(tmp_path: Path, files: stock_images.FlashedFiles) -> Iterator[VirtualPico]:
    """Plug in a Pico whose flash is empty, so that it is in its boot loader."""
    with VirtualPico(tmp_path, stock=files) as board:
        yield board


def flash(system: System, *words: str, timeouts: FlashTimeouts = TIMEOUTS) -> int:
    return run(["flash", *words], system, timeouts)


def old_folder() -> bytes:
    """Return the block of a folder in which a board has worked for long: its count is higher than those of new ones."""
    disk = UserContext(SIZE)
    fs = LittleFS(context=disk, block_size=SECTOR_BYTES, block_count=SIZE // SECTOR_BYTES, read_size=32, prog_size=256,
                  cache_size=1024, lookahead_size=32, disk_version=0x00020000, block_cycles=1000)  # fmt: skip
    fs.mkdir("old")
    for turn in range(200):
        with fs.open("old/notes.txt", "wb") as file:
            file.write(bytes([turn]) * 300)
    fs.unmount()
    blocks = [bytes(disk.buffer[at : at + SECTOR_BYTES]) for at in range(0, SIZE, SECTOR_BYTES)]
    return max((block for block in blocks if b"notes.txt" in block), key=lambda block: struct.unpack_from("<I", block))


@cache
def soundfw() -> dict[str, bytes]:
    return soundfw_files(print)


def expected(board: str = "rpi_pico", **extra: Any) -> dict[str, bytes]:
    """Return the files that have to be on the board."""
    facts = find_board(board)
    assert facts.stock is not None
    module = native.native_module(facts.stock.native, print).data
    return payload.make_payload(facts, detector_file.from_bytes(MODEL, "t"), module, soundfw(), extra).files


def contents(files: stock_images.FlashedFiles) -> dict[str, bytes]:
    """Return the files that MicroPython found, without the record."""
    assert files.stored is not None
    return {path: data for path, data in files.stored.items() if data is not None and path != RECORD}


def test_one_file_puts_all_onto_a_new_pico_and_it_hears(
    pico: VirtualPico, files: stock_images.FlashedFiles, model: Path, capfd: Capture
) -> None:
    image = stock_images.pico(model.parent)
    assert flash(pico, "rpi_pico", "--stock", str(image), "-m", str(model)) == 0
    said = capfd.readouterr().err
    assert "MicroPython 1.25.0 for Raspberry Pi Pico with RP2040" in said
    assert f"{SIZE} bytes at {AT:#x}" in said
    assert said.index("is replaced") < said.index("Copying to")
    assert "Done: rpi_pico" in said
    with Device.open(system=pico) as device:
        assert device.hello.model == "tones"
        found = [event.label for event, _ in zip(device.events(timeout_s=20), range(2), strict=False)]
    assert len(found) == 2
    assert set(found) <= {"high", "low"}
    # The image is there as it was, and so is every file, as MicroPython reads it.
    unpacked = uf2.unpack(image.read_bytes())
    assert pico.flash.read(0, len(unpacked.data)) == unpacked.data
    assert contents(files) == expected()
    assert files.stored is not None
    record = json.loads(files.stored[RECORD] or b"")
    assert (record["board"], set(record["files"])) == ("rpi_pico", set(expected()))


def test_settings_are_in_it_and_the_image_names_the_board(
    pico: VirtualPico, files: stock_images.FlashedFiles, model: Path, capfd: Capture
) -> None:
    settings = model.parent / "mic.json"
    mic = {"kind": "i2s", "sck": 4, "ws": 5, "sd": 6}
    settings.write_text(json.dumps({"mic": mic}))
    words = ["--stock", str(stock_images.pico(model.parent)), "-m", str(model), "--settings", str(settings)]
    assert flash(pico, *words, "--json") == 0
    steps = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    names = list(dict.fromkeys(step["step"] for step in steps))
    assert names == ["board", "image", "plan", "replace", "write", "progress", "wait", "done"]
    assert {**steps[-1], "text": "", "port": ""} == {
        "step": "done", "text": "", "board": "rpi_pico", "port": "", "fw": steps[2]["fw"], "model": "tones",
        "sha256": hashlib.sha256(MODEL).hexdigest(), "version": "1.25.0",
    }  # fmt: skip
    assert contents(files) == expected(mic=mic)


@pytest.mark.parametrize("erase", [False, True], ids=["written over", "erased"])
def test_what_is_left_of_files_that_were_there_does_not_come_back(
    pico: VirtualPico, files: stock_images.FlashedFiles, model: Path, erase: bool
) -> None:
    pico.flash.write(AT, old_folder() * (SIZE // SECTOR_BYTES))
    words = ["--stock", str(stock_images.pico(model.parent)), "-m", str(model), *(["--erase"] if erase else [])]
    assert flash(pico, "rpi_pico", *words) == 0
    assert contents(files) == expected()
    blank = pico.flash.read(AT, SIZE).count(b"\xff" * SECTOR_BYTES)
    assert (blank > SIZE // SECTOR_BYTES // 2) == erase


def test_a_file_system_that_is_none_is_noticed_by_what_runs_it(tmp_path: Path) -> None:
    """The judge of these tests can say no."""
    files = {"lib/a.py": b"x" * 300, "main.py": b"y = 1\n" * 40}
    program = stock_unix()
    for port, prog, size, right in (
        ("rp2", 256, SIZE, True), ("esp32", 32, SIZE, True), ("rp2", 256, SIZE // 2, False),
    ):  # fmt: skip
        path = tmp_path / f"{port}-{prog}-{size}.bin"
        path.write_bytes(file_system.make(files, size, port).data.ljust(SIZE, b"\xff"))
        found = StockFlash(path, prog=prog, read=32).files(program)
        assert ({name: data for name, data in found.items() if data is not None} == files) is right, (port, prog, size)


def test_a_dry_run_touches_nothing(pico: VirtualPico, model: Path, capfd: Capture) -> None:
    words = ["--stock", str(stock_images.pico(model.parent)), "-m", str(model), "--dry-run"]
    assert flash(pico, "rpi_pico", *words) == 0
    said = capfd.readouterr().err
    assert "stay free" in said
    assert "Would copy it to the drive" in said
    assert "Nothing was touched." in said
    assert pico.flash.written_bytes == pico.flash.erased_bytes == 0


def test_an_image_for_a_pico_2_keeps_the_block_it_begins_with(tmp_path: Path, model: Path) -> None:
    path = stock_images.pico(tmp_path, machine="Raspberry Pi Pico2 with RP2350", board="rpi_pico2", e10=True)
    file = path.read_bytes()
    family = 0xE48BFF59
    joined = uf2.with_parts(file, [(0x10100000, bytes(600)), (0x10200000, b"a" * 256)], family)
    assert joined[:512] == file[:512]
    blocks = [uf2.read_block(joined[at : at + 512]) for at in range(512, len(joined), 512)]
    assert [(block.number, block.count) for block in blocks if block] == [(n, len(blocks)) for n in range(len(blocks))]
    assert {block.family for block in blocks if block} == {family}
    assert [block.address for block in blocks[-4:] if block] == [0x10100000, 0x10100100, 0x10100200, 0x10200000]
    whole = uf2.unpack(joined)
    assert (whole.families, whole.address) == (frozenset([family]), 0x10000000)
    files = stock_images.pico_files(tmp_path)
    with VirtualPico(tmp_path, chip=boot_rom.RP2350, stock=files) as board:
        assert flash(board, "rpi_pico2", "--stock", str(path), "-m", str(model)) == 0
    assert contents(files) == expected("rpi_pico2")


def test_a_board_that_runs_soundsdk_needs_no_name(
    pico: VirtualPico, files: stock_images.FlashedFiles, model: Path
) -> None:
    assert flash(pico, "rpi_pico", "--firmware", str(flash_images.pico(model.parent))) == 0
    with Device.open(system=pico) as device:
        assert device.hello.model == "home"
    unnamed = stock_images.pico(model.parent, machine="A board of mine with RP2040")
    assert flash(pico, "--stock", str(unnamed), "-m", str(model)) == 0
    with Device.open(system=pico) as device:
        assert (device.hello.board, device.hello.model) == ("rpi_pico", "tones")
    assert contents(files) == expected()


def test_a_board_that_has_not_the_memory_after_all_is_no_success(
    pico: VirtualPico, files: stock_images.FlashedFiles, model: Path, capfd: Capture
) -> None:
    files.heap = 110_000
    words = ["--stock", str(stock_images.pico(model.parent)), "-m", str(model)]
    assert flash(pico, "rpi_pico", *words, timeouts=replace(TIMEOUTS, hello_s=8.0)) == 6
    said = capfd.readouterr().err
    assert "the files are on the board, but it has not said hello" in said
    assert "mpremote reset sleep 1 repl" in said
    assert "Done" not in said


def test_a_small_detector_runs_in_as_little_memory_as_a_plain_esp32_has(
    pico: VirtualPico, files: stock_images.FlashedFiles, model: Path
) -> None:
    files.heap = 2 * 110 * 1024  # words are twice as wide here
    assert flash(pico, "rpi_pico", "--stock", str(stock_images.pico(model.parent)), "-m", "home_tiny") == 0
    with Device.open(system=pico) as device:
        assert device.hello.model == "home_tiny"


@pytest.mark.parametrize("point", [0.02, 0.4, 0.99])
def test_a_pulled_cable_is_never_a_success_and_the_same_call_repairs_it(
    point: float, pico: VirtualPico, files: stock_images.FlashedFiles, model: Path, capfd: Capture
) -> None:
    words = ["rpi_pico", "--stock", str(stock_images.pico(model.parent)), "-m", str(model)]
    size = 2 * (AT // 100 + sum(map(len, expected().values())))
    pico.faults = PicoFaults(piped=True, cut_after=int(size * point))
    code = flash(pico, *words, timeouts=replace(TIMEOUTS, hello_s=2.0, cut_hello_s=1.0))
    said = capfd.readouterr().err
    assert code in (1, 6), said
    assert "Done" not in said
    pico.faults = PicoFaults()
    pico.bootsel()
    assert flash(pico, *words) == 0
    assert contents(files) == expected()


def _damaged(folder: Path) -> Path:
    path = stock_images.pico(folder)
    path.write_bytes(path.read_bytes()[:-512])
    return path


def _noise(folder: Path) -> Path:
    path = folder / "noise.uf2"
    path.write_bytes(bytes(range(7, 200)) * 50)
    return path


def _twice(folder: Path) -> Path:
    path = stock_images.pico(folder)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 3 * uf2.BLOCK + 12, 0x10000000)
    path.write_bytes(data)
    return path


# The image, further words, the exit code, and what the error says. Of each nothing is written.
REFUSED: dict[str, tuple[Callable[[Path], Path], list[str], int, list[str]]] = {
    "no file": (lambda folder: folder / "none.uf2", [], 1, ["cannot be read"]),
    "not an image": (_noise, [], 6, ["is not a UF2 file", "micropython.org/download/RPI_PICO"]),
    "damaged": (_damaged, [], 1, ["is damaged", "blocks are missing"]),
    "for an ESP32": (stock_images.esp32, [], 6, ["is not a UF2 file"]),
    "for another chip": (
        lambda folder: stock_images.pico(folder, board="rpi_pico2"), [], 6, ["0xe48bff59", "0xe48bff56"]
    ),
    "an image of soundsdk": (flash_images.pico, [], 6, ["is soundsdk's own image for rpi_pico", "--firmware"]),
    "too old": (lambda folder: stock_images.pico(folder, "1.23.0"), [], 6, ["MicroPython 1.23.0", "needs 1.24"]),
    "too old, a preview": (lambda folder: stock_images.pico(folder, "1.22.0-preview.7"), [], 6, ["1.22.0-preview.7"]),
    "CircuitPython": (
        lambda folder: stock_images.pico(folder, "9.2.1", name="Adafruit CircuitPython"), [], 6, ["CircuitPython 9.2.1"]
    ),
    "another program": (lambda folder: stock_images.pico(folder, name="Blink"), [], 6, ["no version of MicroPython"]),
    "files nowhere": (lambda folder: stock_images.pico(folder, files=None), [], 6, ["does not say where"]),
    "no room for any file": (
        lambda folder: stock_images.pico(folder, files=(AT, 0)), [], 6, ["is damaged: it has no room for files"]
    ),
    "two blocks for a place": (_twice, [], 1, ["is damaged: two of its blocks are for the same place, 0x10000000"]),
    "files in the program": (
        lambda folder: stock_images.pico(folder, files=(4096, 1 << 20)), [], 6, ["is damaged", "files are at 0x1000"]
    ),
    "a larger flash": (
        lambda folder: stock_images.pico(folder, files=(1 << 20, 3 << 20)), [], 6, ["4194304", "2097152"]
    ),
    "no room for the files": (
        lambda folder: stock_images.pico(folder, files=(1 << 20, 96 << 10)), [], 6,
        ["too small: it has 98304 bytes", "blocks of 4096"],
    ),
    "too little memory": (stock_images.pico, ["-m", "home"], 6, ["241680 bytes are free", "are needed", "home"]),
    "a model that is none": (stock_images.pico, ["-m", "none.tflite"], 1, ["cannot be read"]),
    "settings that are none": (stock_images.pico, ["--settings", "none.json"], 1, ["none.json cannot be read"]),
    "two images": (stock_images.pico, ["--firmware", "a.uf2"], 2, ["both name an image"]),
    "no such port": (stock_images.pico, ["-p", "/dev/nowhere"], 3, ["no board at /dev/nowhere"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    name: str, pico: VirtualPico, model: Path, capfd: Capture
) -> None:
    image, extra, code, says = REFUSED[name]
    words = extra if "-m" in extra else ["-m", str(model), *extra]
    assert flash(pico, "rpi_pico", "--stock", str(image(model.parent)), *words) == code
    said = capfd.readouterr().err
    assert all(word in said for word in says), said
    assert "\n  " in said[said.index("soundsdk: ") :]  # what to do next
    assert pico.flash.written_bytes == pico.flash.erased_bytes == 0


def test_boards_and_settings_that_cannot_be(pico: VirtualPico, model: Path, capfd: Capture) -> None:
    image = str(stock_images.pico(model.parent))
    settings = model.parent / "mic.json"
    settings.write_text('{"mic": {"kind": "i2s"}}')
    words = ["--stock", image, "-m", str(model)]
    for more, code, says in (
        (["sim", *words], 2, "sim has no flash that could be written"),
        (["rpi_pica", *words], 2, "there is no board rpi_pica"),
        (["adafruit_clue", *words], 2, "adafruit_clue has no flash that could be written"),
        (["rpi_pico", *words, "--settings", str(settings)], 2, "the settings cannot be used"),
        (["rpi_pico", "--settings", str(settings)], 2, "--settings belongs to --stock"),
    ):
        found = flash(pico, *more)
        said = capfd.readouterr().err
        assert (found, says in said) == (code, True), (more, said)
    unnamed = stock_images.pico(model.parent, "1.26.0", machine="A board of mine with RP2040")
    assert flash(pico, "--stock", str(unnamed), "-m", str(model)) == 2
    assert "does not say which board it is" in capfd.readouterr().err
    assert flash(VirtualComputer(), "rpi_pico", *words) == 3
    assert "no Raspberry Pi Pico is connected" in capfd.readouterr().err
    assert pico.flash.written_bytes == 0


def test_an_image_for_another_board_of_the_chip_is_flashed_with_a_word(
    pico: VirtualPico, model: Path, capfd: Capture
) -> None:
    words = ["--stock", str(stock_images.pico(model.parent)), "-m", str(model)]
    assert flash(pico, "adafruit_feather_rp2040", *words, "--dry-run") == 0
    said = capfd.readouterr().err
    assert "Note that this is not the image made for Adafruit Feather RP2040" in said
    assert "micropython.org/download/ADAFRUIT_FEATHER_RP2040" in said
    assert flash(pico, "rpi_pico", *words, "--dry-run") == 0
    assert "Note" not in capfd.readouterr().err


def test_without_littlefs_the_command_that_installs_it_is_named(
    pico: VirtualPico, model: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    original = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "littlefs" else original(name))
    assert flash(pico, "rpi_pico", "--stock", str(stock_images.pico(model.parent)), "-m", str(model)) == 7
    said = capfd.readouterr().err
    assert "soundsdk flash --stock needs littlefs-python, which is not installed" in said
    assert "soundsdk[stock]" in said
    assert pico.flash.written_bytes == 0


def test_files_that_fill_the_file_system_are_refused_as_well() -> None:
    # By their sizes they would fit; littlefs needs a little more.
    files = {"a": bytes(4096 * 28)}
    with pytest.raises(CheckError, match=r"has 122880 bytes, and the 1 files take 122880 \(30 blocks"):
        file_system.make(files, 30 * 4096, "rp2")
    assert file_system.make(files, 34 * 4096, "rp2").free_blocks > 0


def test_binary_info_of_any_bytes_is_read_or_not_and_nothing_else() -> None:
    chance = random.Random(12)
    for _ in range(100):
        data = bytearray(chance.randbytes(6000))
        for _ in range(3):
            at = chance.randrange(0, 4000, 4)
            begin = chance.choice((0, 0x10000000 + chance.randrange(7000), chance.randrange(1 << 32)))
            end = begin + chance.choice((0, 4, 7, 4000, 1 << 31))
            data[at : at + 20] = struct.pack("<5I", 0x7188EBF2, begin, end & 0xFFFFFFFF, 0, 0xE71AA390)
        # In random bytes there is no entry of MicroPython's, wherever the pointers point.
        assert binary_info.micropython_drive(bytes(data), 0x10000000) is None


def test_the_stock_image_of_a_pico_says_where_its_files_are() -> None:
    unpacked = uf2.unpack(stock_pico().read_bytes())
    drive = binary_info.micropython_drive(unpacked.data, unpacked.address)
    assert drive is not None
    assert (drive.address - unpacked.address, drive.size_bytes) == stock_images.PICO_FILES
