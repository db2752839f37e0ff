"""The virtual ESP32 by itself: packets, the loader's answers, flash, reset lines, and what it starts."""

from __future__ import annotations

import hashlib
import random
import struct
import zlib
from pathlib import Path

import pytest

from soundsdk.build import region
from soundsdk.resources import models_dir
from virtual_boards.esp32 import image, slip
from virtual_boards.esp32.board import Esp32Board
from virtual_boards.esp32.chips import CHIPS
from virtual_boards.esp32.flash import Flash
from virtual_boards.esp32.rom_loader import RomLoader

C3 = CHIPS["esp32c3"]
HOME = Path(models_dir() / "home.tflite").read_bytes()


def test_packets_survive_any_contents_and_any_pieces() -> None:
    random.seed(5)
    packets = [bytes(range(256)), b"\xc0\xdb\xc0\xdb", b"\x00"]
    packets += [random.randbytes(random.randint(1, 60)) for _ in range(50)]
    stream = b"noise before" + b"".join(map(slip.encode, packets))
    for size in (1, 2, 7, len(stream)):
        decoder = slip.Decoder()
        got = [packet for i in range(0, len(stream), size) for packet in decoder.feed(stream[i : i + size])]
        assert got == packets


def test_a_broken_packet_costs_only_itself() -> None:
    decoder = slip.Decoder()
    assert decoder.feed(b"\xc0ab\xdbx\xc0" + slip.encode(b"whole")) == [b"whole"]


class Loader:
    """A ROM loader and its answers."""

    def __init__(self, chip: str = "esp32c3") -> None:
        self.flash = Flash(1 << 20)
        self.booted = 0
        self.loader = RomLoader(CHIPS[chip], self.flash, self._boot)

    def _boot(self) -> None:
        self.booted += 1

    def send(self, op: int, data: bytes = b"", check: int | None = None) -> list[tuple[int, int, bytes]]:
        """Send a command; return (operation, value, data and status) of each answer."""
        if check is None:
            check = 0xEF
            for byte in data[16:]:
                check ^= byte
        answers = self.loader.feed(slip.encode(struct.pack("<BBHI", 0, op, len(data), check) + data))
        out = []
        for packet in slip.Decoder().feed(answers):
            direction, answered, size, value = struct.unpack_from("<BBHI", packet)
            assert (direction, size) == (1, len(packet) - 8)
            out.append((answered, value, packet[8:]))
        return out


OK = b"\0\0\0\0"


def test_sync_is_answered_eight_times_and_only_if_it_is_whole() -> None:
    loader = Loader()
    assert loader.send(0x08, b"\x07\x07\x12\x20" + b"\x55" * 32) == [(0x08, 0x20120707, OK)] * 8
    assert loader.send(0x08, b"\x07\x07\x12\x20" + b"\x55" * 31)[0][2][:2] == b"\x01\x05"


@pytest.mark.parametrize(("chip", "tells"), [("esp32", None), ("esp32c3", 5), ("esp32s3", 9)])
def test_a_chip_says_which_it_is(chip: str, tells: int | None) -> None:
    loader = Loader(chip)
    ((_, _, data),) = loader.send(0x14)
    if tells is None:
        assert data[:2] == b"\x01\x05"
        assert loader.send(0x0A, struct.pack("<I", 0x40001000))[0][1] == 0x00F01D83
    else:
        assert struct.unpack("<I8B2I", data[:20])[9] == tells


def test_md5_is_of_what_was_written() -> None:
    loader = Loader()
    data = random.Random(1).randbytes(5000)
    packed = zlib.compress(data)
    assert loader.send(0x10, struct.pack("<5I", len(data), 2, 4096, 0x2000, 0))[0][2] == OK
    for seq, at in enumerate(range(0, len(packed), 4096)):
        block = packed[at : at + 4096]
        packet = struct.pack("<4I", len(block), seq, 0, 0) + block
        assert loader.send(0x11, packet)[0][2] == OK
        assert loader.send(0x11, packet)[0][2] == OK  # sent again after a lost answer: written once
    assert loader.flash.read(0x2000, len(data)) == data
    digest = loader.send(0x13, struct.pack("<4I", 0x2000, len(data), 0, 0))[0][2]
    assert digest == hashlib.md5(data).hexdigest().encode() + OK


def test_a_block_with_a_wrong_checksum_or_outside_of_the_flash_is_refused() -> None:
    loader = Loader()
    loader.send(0x02, struct.pack("<5I", 1024, 1, 1024, 0, 0))
    packet = struct.pack("<4I", 1024, 0, 0, 0) + bytes(1024)
    assert loader.send(0x03, packet, check=1)[0][2][:2] == b"\x01\x07"
    assert loader.flash.read(0, 1024) == b"\xff" * 1024
    assert loader.send(0x02, struct.pack("<5I", 1024, 1, 1024, 1 << 20, 0))[0][2][0] == 1
    assert loader.send(0xD0)[0][2][:2] == b"\x01\x05"  # the ROM cannot; the stub can


def test_flash_clears_bits_and_only_erasing_sets_them() -> None:
    flash = Flash(1 << 16)
    flash.write(0, b"\xf0")
    flash.write(0, b"\x3f")
    assert flash.read(0, 1) == b"\x30"
    flash.erase(10, 1)
    assert flash.read(0, 1) == b"\xff"
    flash.takes = False
    flash.write(0, b"\0")
    assert flash.read(0, 1) == b"\xff"


def _flash_with(data: bytes) -> Flash:
    flash = Flash()
    flash.write(C3.boot, data)
    return flash


def test_only_a_whole_image_for_the_chip_boots() -> None:
    contents = region.fill(region.empty("esp32c3_devkit", "0.1.0", 256 * 1024), "home", HOME)
    good = image.make_flash_image(C3, contents)
    assert region.find(image.boot(_flash_with(good), C3).app) is not None
    for at in (0, 12, 0x60, 0x8004, 0x10000, 0x10100, len(good) - 1):
        damaged = bytearray(good)
        damaged[at] ^= 0x01
        with pytest.raises(image.BadImage):
            image.boot(_flash_with(bytes(damaged)), C3)
    with pytest.raises(image.BadImage):
        image.boot(_flash_with(good[: len(good) // 2]), C3)
    with pytest.raises(image.BadImage, match="another chip"):
        image.boot(_flash_with(image.make_flash_image(CHIPS["esp32s3"], contents)), C3)


def test_the_lines_reset_it_into_the_loader_or_the_firmware() -> None:
    board = Esp32Board(C3)
    try:
        board.transmit(0)
        board.set_lines(dtr=True, rts=True)  # as a program that opens the port: no reset
        assert board.resets == 0
        board.set_lines(dtr=False, rts=True)
        board.set_lines(dtr=True, rts=True)
        board.set_lines(dtr=True, rts=False)
        assert b"waiting for download" in board.transmit(0)
        board.set_lines(dtr=False, rts=True)
        board.set_lines(dtr=False, rts=False)
        assert b"invalid header" in board.transmit(0)
        assert board.resets == 2
    finally:
        board.stop()


def test_at_another_speed_only_noise_arrives() -> None:
    board = Esp32Board(C3)
    board.set_lines(dtr=False, rts=True)
    board.set_lines(dtr=True, rts=False)
    board.transmit(0)
    sync = slip.encode(struct.pack("<BBHI", 0, 8, 36, 0) + b"\x07\x07\x12\x20" + b"\x55" * 32)
    change = slip.encode(struct.pack("<BBHI", 0, 0x0F, 8, 0) + struct.pack("<2I", 460800, 0))
    board.receive(sync + change)
    board.transmit(0)
    board.receive(sync)
    assert not board.transmit(0).count(slip.encode(struct.pack("<BBHI", 1, 8, 4, 0x20120707) + OK))
    board.set_baud(460800)
    board.receive(b"\xc0\xc0" + sync)
    assert board.transmit(0).count(slip.encode(struct.pack("<BBHI", 1, 8, 4, 0x20120707) + OK)) == 8
    board.stop()
