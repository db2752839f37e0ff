"""The checks of flashing: image files against boards, hello against images, drives in mount tables."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import flash_images
import pytest

from endless_pipe import endless_pipe
from soundsdk.boards import find_board
from soundsdk.build import region, uf2
from soundsdk.device import uf2_drive
from soundsdk.device.messages import Hello
from soundsdk.device.port_info import PortInfo, kind_of
from soundsdk.device.system import parse_mounts
from soundsdk.errors import CheckError, UsageError
from soundsdk.flash import firmware_file, locate, verify
from virtual_boards.computer import VirtualComputer
from virtual_boards.esp32 import image as esp_image
from virtual_boards.esp32.chips import CHIPS

PICO = find_board("rpi_pico")
C3 = find_board("esp32c3_devkit")
AT, FAMILY = 0x10000000, 0xE48BFF56


def _file(folder: Path, data: bytes) -> firmware_file.Firmware:
    path = folder / "image"
    path.write_bytes(data)
    return firmware_file.read(path)


@pytest.mark.parametrize(
    ("data", "board", "says"),
    [
        (uf2.pack(bytes(512), AT, 0xE48BFF59), PICO, "family is 0xe48bff59"),
        (uf2.pack(bytes(512), AT - 4096, FAMILY), PICO, "does not fit"),
        (uf2.pack(bytes(512), AT + 2 * 1024 * 1024 - 256, FAMILY), PICO, "does not fit"),
        (bytes(512), PICO, "not a UF2 file"),
        (esp_image.make(CHIPS["esp32"], [(0, bytes(64))]), C3, "for another chip: esp32,"),
        (uf2.pack(bytes(512), AT, FAMILY), C3, "not an image for an ESP32"),
        (b"\xe9", C3, "not an image for an ESP32"),
        (esp_image.make(CHIPS["esp32c3"], [(0, bytes(4 * 1024 * 1024))]), C3, "does not fit"),
    ],
)
def test_an_image_without_a_region_is_checked_by_its_format(
    data: bytes, board: firmware_file.Board, says: str, tmp_path: Path
) -> None:
    firmware = _file(tmp_path, data)
    assert firmware.identity is None
    with pytest.raises(CheckError, match=says):
        firmware_file.check(firmware, board)


def test_an_image_that_fits_passes(tmp_path: Path) -> None:
    firmware_file.check(_file(tmp_path, uf2.pack(bytes(512), AT, FAMILY)), PICO)
    firmware_file.check(_file(tmp_path, esp_image.make(CHIPS["esp32c3"], [(0, bytes(64))])), C3)
    for path, board in ((flash_images.pico(tmp_path), PICO), (flash_images.esp32(tmp_path), C3)):
        firmware = firmware_file.read(path)
        assert firmware.identity is not None
        firmware_file.check(firmware, board)


def test_uf2_files_that_are_not_whole_are_refused() -> None:
    packed = uf2.pack(bytes(range(256)) * 8, AT, FAMILY)
    assert uf2.unpack(packed).data == bytes(range(256)) * 8
    blocks = [packed[i : i + 512] for i in range(0, len(packed), 512)]
    assert uf2.unpack(b"".join(reversed(blocks))).data == bytes(range(256)) * 8
    for wrong in (b"", packed[:-1], packed[:-512], packed + blocks[0], packed[:600] + b"x" + packed[601:-4] + b"x" * 4):
        with pytest.raises(ValueError, match=r"block|size"):
            uf2.unpack(wrong)


def test_a_uf2_file_of_ten_thousand_families_is_read_at_once_and_refused_in_a_line(tmp_path: Path) -> None:
    # What it costs may not grow with the square of their number: that were minutes.
    firmware = _file(tmp_path, b"".join(uf2.pack(b"x", AT, 1 + number) for number in range(10_000)))
    with pytest.raises(CheckError, match="its family is 0x00000001, 0x00000002, 0x00000003, 0x00000004 …, and"):
        firmware_file.check(firmware, PICO)


HELLO = Hello(0, 1, "0.1.0+a1", "rpi_pico", "home", "ab" * 32, 16000)
SAYS = region.ImageFacts("rpi_pico", "0.1.0+a1", "home", "ab" * 32, b"")


def test_only_a_board_that_is_what_was_flashed_passes() -> None:
    verify.compare(HELLO, PICO, SAYS)
    verify.compare(HELLO, PICO, None)
    for changed, says in (
        ({"board": "rpi_pico_w"}, "is a rpi_pico_w"),
        ({"fw": "0.1.0"}, "0.1.0\\+a1 was flashed"),
        ({"fw": "0.1.0+a2"}, "has not taken it"),
        ({"sha256": "cd" * 32, "model": "siren"}, "runs siren"),
        ({"sha256": "", "model": ""}, "does not start"),
    ):
        with pytest.raises(CheckError, match=says) as caught:
            verify.compare(replace(HELLO, **changed), PICO, SAYS)  # type: ignore[arg-type]
        assert caught.value.hint
        assert caught.value.exit_code == 6


def test_drives_are_found_by_their_board_id(tmp_path: Path) -> None:
    for name, text in (
        ("a pico", "UF2 Bootloader v3.0\r\nModel: X\r\nBoard-ID: RPI-RP2\r\n"),
        ("stick", None),
        ("odd", "?"),
    ):
        (tmp_path / name).mkdir()
        if text:
            (tmp_path / name / "INFO_UF2.TXT").write_text(text, newline="")
    system = VirtualComputer(mount_points=[*tmp_path.iterdir(), tmp_path / "gone"])
    assert uf2_drive.mounted(system) == [uf2_drive.Drive(tmp_path / "a pico", "RPI-RP2")]


def test_escaped_names_in_the_mount_table_are_read_as_they_are() -> None:
    lines = ["a /media/me/RPI\\040RP2 vfat rw 0 0", "b / ext4 rw 0 0", "c /media/a\\134b msdos rw 0 0", "?"]
    table = "\n".join(lines)
    assert parse_mounts(table) == [Path("/media/me/RPI RP2"), Path("/media/a\\b")]


@pytest.mark.parametrize(
    ("usb", "says"),
    [
        ((0x239A, 0x80F2), "Adafruit Feather RP2040 has no image of soundsdk"),
        ((0x2341, 0x025E), "Arduino Nano RP2040 Connect has no image of soundsdk"),
        ((0x239A, 0x803E), "Adafruit PyGamer has no image of soundsdk: it runs CircuitPython"),
        ((0x2E8A, 0x0005), "does not say which board it is"),
    ],
)
def test_a_connected_board_without_an_image_is_named(usb: tuple[int, int], says: str, tmp_path: Path) -> None:
    port = tmp_path / "ttyACM0"
    system = VirtualComputer(ports=[PortInfo(str(port), kind_of(*usb), *usb)])
    with pytest.raises(UsageError, match=says) as caught:
        locate.locate(None, None, None, quiet=True, timeout_s=1, system=system)
    assert caught.value.hint


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_firmware_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    with endless_pipe(tmp_path / "a.uf2") as taken, pytest.raises(firmware_file.ImageError, match="larger than 40 MiB"):
        firmware_file.read(tmp_path / "a.uf2")
    assert taken[0] < 64 << 20
