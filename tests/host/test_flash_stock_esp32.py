"""The verb flash with --stock on virtual ESP32s, through the real esptool over RFC 2217, and MicroPython's littlefs.

esptool needs some twenty seconds over RFC 2217, nearly all of it waiting; so the boards are flashed side by side.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import flash_images
import pytest
from patient_esptool import be_patient
from tone_boards import MODEL, beeps

import stock_images
from soundsdk import Device, detector_file
from soundsdk.boards import find_board
from soundsdk.build import native
from soundsdk.build.soundfw_files import soundfw_files
from soundsdk.cli import run
from soundsdk.errors import CheckError, SoundsdkError
from soundsdk.flash.timeouts import FlashTimeouts
from soundsdk.models.shipped import load_model
from soundsdk.progress import Progress
from soundsdk.stock import fits, payload
from soundsdk.stock.flash_stock import StockFlashRequest, flash_stock
from soundsdk.stock.image import partitions
from soundsdk.stock.on_board import RECORD
from stock_images import TABLE_4MB, TABLE_OPEN
from virtual_boards.esp32.board import Esp32Board
from virtual_boards.esp32.chips import CHIPS
from virtual_boards.esp32.flash import Flash
from virtual_boards.esp32.image import Row
from virtual_boards.esp32.server import CableFaults, Esp32Server

TIMEOUTS = FlashTimeouts(esptool_silent_s=40.0, hello_s=60.0)
C3 = "ESP32C3 module with ESP32C3"
S3 = "Generic ESP32S3 module with ESP32S3"
OPEN_AT = 0x220000


@dataclass
class Case:
    """A board to flash, and how it ends. files: (offset, size) of its file system; says: part of the error.

    again: it is flashed again without the fault.
    """

    name: str
    board: str = "esp32_devkit"
    machine: str = "Generic ESP32 module with ESP32"
    table: Sequence[Row] = TABLE_4MB
    flash_bytes: int = 4 << 20
    files: tuple[int, int] = stock_images.ESP32_FILES
    faults: CableFaults = field(default_factory=CableFaults)
    takes: bool = True
    codes: tuple[int, ...] = (0,)
    says: str = ""
    again: bool = False


CASES = [
    Case("a partition for files"),
    Case("a C3", "esp32c3_devkit", C3),
    Case("an S3 whose table leaves the files open", "esp32s3_devkit", S3, TABLE_OPEN, 8 << 20,
         (OPEN_AT, (8 << 20) - OPEN_AT)),
    Case("a larger flash than the board file has", table=TABLE_OPEN, flash_bytes=16 << 20,
         files=(OPEN_AT, (16 << 20) - OPEN_AT)),
    Case("a flash without room for files", table=TABLE_OPEN, flash_bytes=2 << 20, codes=(6,), says="2097152"),
    Case("flash that does not take", takes=False, codes=(6,), says="does not take it"),
    # esptool connects again by itself, if the board is back in time: then all that follows holds as well.
    Case("pulled in the image", faults=CableFaults(cut_after=11_000), codes=(0, 1, 5, 6)),
    Case("pulled in the files", faults=CableFaults(cut_after=70_000), codes=(0, 1, 5, 6), again=True),
]  # fmt: skip


def expected(board: str) -> dict[str, bytes]:
    """Return the files that have to be on a board."""
    facts = find_board(board)
    assert facts.stock is not None
    module = native.native_module(facts.stock.native, print).data
    return payload.make_payload(facts, detector_file.from_bytes(MODEL, "t"), module, soundfw_files(print), {}).files


def load(path: str | None) -> detector_file.DetectorFile:
    return detector_file.load(str(path))


def _play(case: Case, folder: Path) -> str:
    """Flash a board; return what went wrong, empty if nothing did."""
    folder.mkdir()
    image = stock_images.esp32(folder, machine=case.machine, board=case.board, table=case.table)
    (folder / "tone.tflite").write_bytes(MODEL)
    files = stock_images.esp32_files(folder, beeps(60), case.files)
    facts = find_board(case.board)
    assert facts.esptool is not None
    board = Esp32Board(CHIPS[facts.esptool.chip], Flash(case.flash_bytes), stock=files)
    board.flash.takes = case.takes
    with Esp32Server(board, case.faults) as server:
        request = StockFlashRequest(image, case.board, str(folder / "tone.tflite"), server.url)
        code, said = 0, ""
        try:
            flash_stock(request, Progress(), load, timeouts=TIMEOUTS)
        except SoundsdkError as e:
            code, said = e.exit_code, e.message if e.hint else "no hint: " + e.message
        if code not in case.codes or case.says not in said or "no hint" in said:
            return f"code {code}: {said}"
        if code and not case.again:
            return ""
        if code:
            server.faults = CableFaults()
            flash_stock(request, Progress(), load, timeouts=TIMEOUTS)
        if board.flash.read(facts.esptool.bootloader, image.stat().st_size) != image.read_bytes():
            return "the image is not as it was"
        assert files.stored is not None
        stored = {path: data for path, data in files.stored.items() if data is not None and path != RECORD}
        if stored != expected(case.board):
            return f"the files differ: {sorted(set(stored) ^ set(expected(case.board)))}"
        with Device.open(server.url, hello_s=60) as device:
            if (device.hello.board, device.hello.model) != (case.board, "tones"):
                return f"it is {device.hello}"
            found = [event.label for event, _ in zip(device.events(timeout_s=30), range(2), strict=False)]
        return "" if len(found) == 2 and set(found) <= {"high", "low"} else f"it heard {found}"


def test_one_run_of_esptool_puts_all_onto_an_esp32_which_then_hears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_patient(tmp_path, monkeypatch)
    stock_images.esp32_files(tmp_path)  # what has to be compiled is compiled once
    for arch in ("xtensawin", "rv32imc"):
        native.native_module(arch, print)
    soundfw_files(print)
    with ThreadPoolExecutor(len(CASES)) as pool:
        results = list(pool.map(lambda number: _play(CASES[number], tmp_path / str(number)), range(len(CASES))))
    assert {case.name: result for case, result in zip(CASES, results, strict=True) if result} == {}


FAT = (*TABLE_4MB[:-1], Row("ffat", 1, 0x81, 0x200000, 0x200000))
PAST_THE_END = (*TABLE_4MB[:-1], Row("vfs", 1, 0x81, 0x200000, 0xE00000))
SMALL = (*TABLE_4MB[:-1], Row("vfs", 1, 0x81, 0x200000, 0x10000))


def _app_only(folder: Path) -> Path:
    path = stock_images.esp32(folder)
    path.write_bytes(path.read_bytes()[0x10000 - 0x1000 :])
    return path


def _noise(folder: Path) -> Path:
    path = folder / "noise.bin"
    path.write_bytes(bytes(range(7, 200)) * 900)
    return path


def _huge_flash(folder: Path) -> Path:
    path = stock_images.esp32(folder, table=TABLE_OPEN)
    data = bytearray(path.read_bytes())
    data[3] |= 0xF0
    path.write_bytes(data)
    return path


# The image, further words, the exit code, and what the error says. Of each no port is opened.
REFUSED = {
    "not an image": (_noise, [], 6, ["is not an image for an ESP32 chip", "micropython.org/download/ESP32_GENERIC"]),
    "for another chip": (
        lambda folder: stock_images.esp32(folder, machine=C3, board="esp32c3_devkit"), [], 6, ["esp32c3", "an esp32."]
    ),
    "for a Pico": (stock_images.pico, [], 6, ["is not an image for an ESP32 chip"]),
    "an application alone": (_app_only, [], 6, ["has no partition table", "app-bin"]),
    "an image of soundsdk": (
        lambda folder: flash_images.esp32(folder, board="esp32_devkit"), [], 6, ["is soundsdk's own image"]
    ),
    "too old": (lambda folder: stock_images.esp32(folder, "1.20.0"), [], 6, ["MicroPython 1.20.0", "needs 1.24"]),
    "files in FAT": (lambda folder: stock_images.esp32(folder, table=FAT), [], 6, ["FAT", "littlefs"]),
    "a larger flash": (
        lambda folder: stock_images.esp32(folder, table=PAST_THE_END), [], 6, ["16777216", "4194304"]
    ),
    "partitions that overlap": (
        lambda folder: stock_images.esp32(folder, table=(*TABLE_4MB, Row("x", 1, 6, 0x280000, 0x1000))), [], 6,
        ["is damaged: its partitions vfs and x overlap"],
    ),
    "a partition of no bytes": (
        lambda folder: stock_images.esp32(folder, table=(*TABLE_4MB[:-1], Row("vfs", 1, 0x81, 0x200000, 0))), [], 6,
        ["is damaged: its partition vfs has no bytes"],
    ),
    "a partition past all flash": (
        lambda folder: stock_images.esp32(folder, table=(*TABLE_4MB[:-1], Row("vfs", 1, 0x81, 0x200000, 0xFFFFF000))),
        [], 6, ["is damaged: its partition vfs ends at 0x1001ff000, past the largest flash"],
    ),
    "a flash of 32 GiB": (_huge_flash, [], 6, ["is damaged: its header names a flash of 34359738368 bytes"]),
    "no room for the files": (
        lambda folder: stock_images.esp32(folder, table=SMALL), [], 6, ["it has 65536 bytes", "blocks of 4096"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_before_esptool_runs(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    image, extra, code, says = REFUSED[name]
    (tmp_path / "tone.tflite").write_bytes(MODEL)
    words = extra or ["-m", str(tmp_path / "tone.tflite")]
    monkeypatch.setattr("soundsdk.flash.esptool_run.run", lambda *words: pytest.fail(f"esptool was run: {words}"))
    with Esp32Server(Esp32Board(CHIPS["esp32"])) as server:
        assert run(["flash", "esp32_devkit", "-p", server.url, "--stock", str(image(tmp_path)), *words]) == code
        assert server.board.flash.written_bytes == server.board.flash.erased_bytes == 0
    said = capfd.readouterr().err
    assert all(word in said for word in says), said
    assert "\n  " in said[said.index("soundsdk: ") :]  # what to do next


def test_a_detector_for_which_the_board_is_known_to_have_no_memory_is_refused() -> None:
    detector = load_model("home")
    board = find_board("esp32s3_devkit")
    assert board.stock is not None
    fits.check_known_memory(board, 60_000, detector)
    pieces = replace(board, stock=replace(board.stock, block_bytes=80_000))
    with pytest.raises(
        CheckError, match=f"the largest has 80000 bytes, and the detector home needs {len(detector.data)}"
    ):
        fits.check_known_memory(pieces, 60_000, detector)
    # Of a board whose memory nobody measured, its RAM.
    unknown = replace(board, ram_bytes=150_000, stock=replace(board.stock, free_bytes=0))
    with pytest.raises(CheckError, match="150000 bytes is all the RAM it has, and 169096"):
        fits.check_known_memory(unknown, 60_000, detector)


@pytest.mark.parametrize("name", ["home_tiny", "knock_doorbell_tiny"])
def test_a_detector_for_small_boards_is_not_refused_for_a_pico(name: str) -> None:
    board = find_board("rpi_pico")
    fits.check_known_memory(board, len(native.native_module("armv6m", print).data), load_model(name))


@pytest.mark.parametrize(("name", "hint"), [("home", "; home_tiny takes less. "), ("home_tiny", " there. ")])
def test_what_is_needed_is_said_where_the_boards_memory_is_not_known(
    name: str, hint: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    image = stock_images.esp32(tmp_path, machine=C3, board="esp32c3_devkit")
    words = ["flash", "seeed_xiao_esp32c3", "-p", "/dev/ttyUSB9", "-m", name, "--dry-run", "--stock", str(image)]
    assert run(words) == 0
    module = len(native.native_module("rv32imc", print).data)
    need = fits.needed_bytes(find_board("seeed_xiao_esp32c3"), module, load_model(name))
    said = capfd.readouterr().err
    assert f"{name} takes {need} bytes of memory there" in said
    assert hint in said


def test_a_dry_run_names_the_one_call_of_esptool(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tone.tflite").write_bytes(MODEL)
    words = ["flash", "esp32_devkit", "-p", "/dev/ttyUSB9", "-m", str(tmp_path / "tone.tflite"), "--dry-run"]
    assert run([*words, "--stock", str(stock_images.esp32(tmp_path))]) == 0
    said = capfd.readouterr().err
    assert "write-flash -fm keep -ff keep -fs keep 0x1000" in said.replace("write_flash", "write-flash")
    assert "0x200000" in said
    assert "Nothing was touched." in said
    # Without a word about where the files end, it is the flash of the board file.
    assert run([*words, "--stock", str(stock_images.esp32(tmp_path, table=TABLE_OPEN))]) == 0
    said = capfd.readouterr().err
    assert f"the rest of the flash at {OPEN_AT:#x}" in said
    assert f"0x{OPEN_AT:x} /tmp" in said.replace(tempfile.gettempdir(), "/tmp")
    # Nor does it ask a board of which the file says nothing: then it is the flash that the image is for.
    words[1] = "m5stack_atoms3_lite"
    assert run([*words, "--stock", str(stock_images.esp32(tmp_path, board="esp32s3_devkit", table=TABLE_OPEN))]) == 0
    assert "Nothing was touched." in capfd.readouterr().err


def test_what_was_checked_is_written_though_the_file_changes_or_is_a_pipe(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tone.tflite").write_bytes(MODEL)
    image = stock_images.esp32(tmp_path)
    whole = image.read_bytes()
    written: list[bytes] = []

    def esptool(words: list[str], *more: object) -> list[str]:
        image.write_bytes(b"another")
        written.extend(Path(word).read_bytes() for word in words if word.endswith(".bin"))
        raise CheckError("that is enough.")

    monkeypatch.setattr("soundsdk.flash.esptool_run.run", esptool)
    with Esp32Server(Esp32Board(CHIPS["esp32"])) as server:
        words = ["flash", "esp32_devkit", "-p", server.url, "-m", str(tmp_path / "tone.tflite")]
        assert run([*words, "--stock", str(image)]) == 6
    assert written[0] == whole
    written.clear()
    own = flash_images.esp32(tmp_path, board="esp32_devkit")
    whole, image = own.read_bytes(), own  # which is then changed
    with Esp32Server(Esp32Board(CHIPS["esp32"])) as server:
        assert run(["flash", "esp32_devkit", "-p", server.url, "--firmware", str(own)]) == 6
    assert written == [whole]


def test_a_partition_table_of_any_bytes_is_read_or_not_and_nothing_else() -> None:
    chance = random.Random(12)
    for _ in range(100):
        data = b"".join(b"\xaa\x50" + chance.randbytes(30) for _ in range(chance.randrange(120)))
        found = partitions.read(data + chance.randbytes(chance.randrange(64)), 0)
        assert len(found) <= 96
        place = partitions.file_system(found)
        assert place is not None
        assert place.offset == max((one.offset + one.size_bytes for one in found), default=0)
