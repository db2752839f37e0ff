"""The region for a detector: what the host writes the firmware reads, and nothing else passes for a detector."""

from __future__ import annotations

import hashlib
import random
import struct
import sys
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundfw import FirmwareError
from soundfw.storage import store
from soundsdk.boards import all_boards, find_board
from soundsdk.build import esp_image, image_file, region, uf2
from soundsdk.errors import CheckError, ModelError
from virtual_boards.esp32 import image as esp
from virtual_boards.esp32.chips import CHIPS

SIZE = 8192
SURROUNDINGS = st.binary(max_size=300).filter(lambda data: store.MAGIC not in data)
DETECTORS = st.binary(min_size=1, max_size=SIZE - 1100)
NAMES = st.text(min_size=1, max_size=16)


def in_image(before: bytes, after: bytes | None, size: int = SIZE) -> bytes:
    """Make an image with an empty region: within it, or at its end if there is nothing after it."""
    head = region.empty("rpi_pico", "0.1.0+ab", size)
    return before + (head if after is None else head.ljust(size, b"\0") + after)


def read(image: bytes, at: int) -> bytes:
    """Return what the firmware reads, from a flash whose rest is erased; FirmwareError if that is nothing."""
    return bytes(store.in_region(image[at : at + SIZE].ljust(SIZE, b"\xff")))


@given(SURROUNDINGS, st.none() | SURROUNDINGS, NAMES, DETECTORS)
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_what_the_firmware_reads(
    before: bytes, after: bytes | None, name: str, detector: bytes
) -> None:
    image = in_image(before, after)
    filled = region.fill(image, name, detector)
    assert read(filled, len(before)) == detector
    sha256 = hashlib.sha256(detector).hexdigest()
    assert region.find(filled) == region.ImageFacts("rpi_pico", "0.1.0+ab", name, sha256, detector)
    assert filled[: len(before)] == before
    if after is not None:
        assert len(filled) == len(image)
        assert filled.endswith(after)
    # The detector is aligned as the region is.
    assert (filled.index(detector, len(before) + 40) - len(before)) % region.ALIGN == 0 or len(detector) < 40


@given(SURROUNDINGS, st.none() | SURROUNDINGS, DETECTORS, DETECTORS)
@settings(max_examples=100, deadline=None)
def test_a_later_detector_leaves_nothing_of_an_earlier_one(
    before: bytes, after: bytes | None, first: bytes, second: bytes
) -> None:
    image = in_image(before, after)
    assert region.fill(region.fill(image, "first", first), "second", second) == region.fill(image, "second", second)


def test_the_board_reads_the_hash_that_it_would_compute() -> None:
    for name in ("tones", 'a "sha256":"' + "0" * 64, "ü" * 30):
        image = region.fill(in_image(b"", None), name, b"detector")
        assert store.hash_in_region(image) == store.sha256(b"detector") == hashlib.sha256(b"detector").hexdigest()
    head = struct.pack(store.HEAD, store.MAGIC, SIZE, 64, 0, 0, 0)
    for facts in (b"", b'{"sha256":""}', b'{"sha256":"12"}', b'{"board":"x"}'):
        assert store.hash_in_region(head + facts.ljust(28, b"\0")) == ""


def test_an_image_without_a_detector_says_so_on_the_board() -> None:
    with pytest.raises(FirmwareError) as caught:
        read(in_image(b"", None), 0)
    assert caught.value.args[0] == "store.empty"
    assert "flash it with one" in caught.value.args[1]
    found = region.find(in_image(b"code", b"more"))
    assert found is not None
    assert (found.model, found.sha256, found.detector) == ("", "", b"")


@pytest.mark.parametrize("held", [b"", b"\0" * 100, b"\xff" * SIZE, store.MAGIC, store.MAGIC + b"\xff" * 100])
def test_a_region_that_was_never_written_is_damaged(held: bytes) -> None:
    with pytest.raises(FirmwareError) as caught:
        store.in_region(held)
    assert caught.value.args[0] == "store.damaged"
    assert region.find(held) is None


def test_no_bit_may_change_and_no_byte_be_missing() -> None:
    detector = random.Random(1).randbytes(3000)
    whole = region.fill(in_image(b"", None), "tones", detector)
    for at in [*range(0, len(whole), 7), len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(FirmwareError, match=r"store\.damaged"):
            read(bytes(damaged), 0)
        assert region.find(bytes(damaged)) is None
        # A write that stopped: the rest is what an erased flash holds.
        with pytest.raises(FirmwareError, match=r"store\.damaged"):
            read(whole[:at], 0)
        assert region.find(whole[:at]) is None


@given(st.binary(max_size=200), st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 5000), min_size=5, max_size=5))
@settings(max_examples=300, deadline=None)
def test_a_head_of_any_numbers_is_refused_and_reads_nothing_outside(rest: bytes, numbers: list[int]) -> None:
    held = struct.pack(store.HEAD, store.MAGIC, *numbers) + rest
    with pytest.raises(FirmwareError, match=r"store\.damaged"):
        store.in_region(held)
    assert region.locate(held) is None


def test_the_head_alone_may_be_right() -> None:
    """A region whose head is whole is refused where the detector is another one, or the region is cut off."""
    whole = region.fill(in_image(b"", None), "tones", bytes(range(256)))
    other = whole[:-256] + bytes(256)
    with pytest.raises(FirmwareError, match=r"store\.damaged"):
        read(other, 0)
    assert region.find(other) is None
    with pytest.raises(FirmwareError, match=r"store\.damaged"):
        store.in_region(whole)  # the region says to be larger than the flash behind it


def test_a_magic_number_in_the_code_is_no_region() -> None:
    detector = b"detector"
    filled = region.fill(in_image(b"code " + store.MAGIC + b" and more code, but no head here", None), "x", detector)
    found = region.find(filled)
    assert found is not None
    assert found.detector == detector


def test_a_detector_that_does_not_fit_is_refused_with_both_sizes() -> None:
    image = in_image(b"code", b"more")
    most = SIZE - len(region.fill(in_image(b"", None), "x", b"1")) + 1
    assert region.find(region.fill(image, "x", bytes(most)))
    with pytest.raises(CheckError, match=f"{most + 1} bytes, and the image has room for {most}"):
        region.fill(image, "x", bytes(most + 1))
    board = find_board("rpi_pico")
    compiled = image_file.from_linker(bytes(400_000) + region.empty(board.id, "0.1.0", 0), board)
    room = 655_360 - 400_000 - 1024
    file, size = image_file.with_detector(compiled, board, "x", bytes(room))
    assert 400_000 + room < size <= board.image_bytes
    with pytest.raises(CheckError, match=rf"{room + 1} bytes, .* room for {room}; of 2097152 bytes of flash, 1441792"):
        image_file.with_detector(compiled, board, "x", bytes(room + 1))
    # In a full image, too.
    assert image_file.with_detector(file, board, "x", b"1") == image_file.with_detector(compiled, board, "x", b"1")


def test_an_image_without_a_region_is_refused() -> None:
    with pytest.raises(ModelError, match="no region"):
        region.fill(bytes(1000), "x", b"1")
    with pytest.raises(ModelError, match="name is too long"):
        region.fill(in_image(b"", None), "☃" * 400, b"1")


def test_uf2_blocks_before_the_region_stay_as_they_are() -> None:
    board = find_board("rpi_pico")
    code = random.Random(2).randbytes(1024 * 10)
    compiled = image_file.from_linker(code + region.empty(board.id, "0.1.0", 0), board)
    detectors = [random.Random(n).randbytes(5000 + 999 * n) for n in range(3)]
    files = [image_file.with_detector(compiled, board, "x", detector)[0] for detector in detectors]
    for file, detector in zip(files, detectors, strict=True):
        image = uf2.unpack(file, 0xE48BFF56)
        assert image.address == 0x10000000
        assert image.data[: len(code)] == code
        held = store.in_region(image.data[len(code) :].ljust(board.image_bytes - len(code), b"\xff"))
        assert bytes(held) == detector
        # Written over another detector: the same file.
        assert image_file.with_detector(files[0], board, "x", detector)[0] == file


@pytest.mark.parametrize("name", ["esp32_devkit", "esp32s3_devkit", "esp32c3_devkit"])
@pytest.mark.parametrize("hashed", [True, False])
def test_an_esp32_application_has_the_right_checksum_and_hash_again(name: str, hashed: bool) -> None:
    board = find_board(name)
    assert board.esptool is not None
    assert board.build is not None
    chip = CHIPS[board.esptool.chip]
    room = board.build.region_bytes
    made = esp.make_flash_image(chip, region.empty(name, "0.1.0", room).ljust(room, b"\0"))
    at = board.esptool.app - board.esptool.bootloader
    if not hashed:
        made = made[: at + 23] + b"\0" + made[at + 24 : -32]
    else:
        assert esp_image.with_sums(made, at) == made
    detector = random.Random(3).randbytes(70_001)
    file, size = image_file.with_detector(made, board, "x", detector)
    assert len(file) == size == len(made)
    flash = esp.Flash()
    flash.write(chip.boot, file)
    found = region.find(esp.boot(flash, chip).app)
    assert found is not None
    assert found.detector == detector
    for cut in (at + 10, at + 30, at + 2000, len(made) - 33):
        with pytest.raises(ValueError, match="application"):
            esp_image.with_sums(made[:cut], at)


def test_every_board_has_room_for_a_detector() -> None:
    for board in all_boards():
        if board.build is not None:
            assert board.build.region_bytes >= region.LEAST_BYTES + 1024 or board.uf2 is not None, board.id


def test_a_board_without_a_region_says_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundmodel", None)
    with pytest.raises(FirmwareError, match="no model at nowhere"):
        store.load("nowhere")
    module = types.ModuleType("soundmodel")
    module.region = lambda: in_image(b"", None).ljust(SIZE, b"\xff")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "soundmodel", module)
    with pytest.raises(FirmwareError, match=r"store\.empty"):
        store.load("nowhere")
