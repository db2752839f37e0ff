"""The virtual Pico by itself: which blocks its ROM flashes, which images it starts."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from soundsdk.build import uf2
from virtual_boards.esp32.flash import Flash
from virtual_boards.pico import boot_rom
from virtual_boards.pico.boot_rom import RP2040, RP2350, Uf2Writer
from virtual_boards.pico.virtual_pico import VirtualPico

FAMILY, AT = 0xE48BFF56, 0x10000000


def test_the_checksum_of_the_second_stage_is_crc_32_mpeg_2() -> None:
    assert boot_rom.crc32_boot2(b"123456789") == 0x0376E6E7  # the catalogue's check value of CRC-32/MPEG-2


@pytest.mark.parametrize("seed", range(3))
def test_blocks_may_come_in_any_order_and_any_pieces(seed: int) -> None:
    rng = random.Random(seed)
    data = rng.randbytes(10_000)
    file = uf2.pack(data, AT, FAMILY)
    blocks = [file[i : i + 512] for i in range(0, len(file), 512)]
    rng.shuffle(blocks)
    stream = b"".join(blocks)
    flash = Flash(1 << 20)
    writer = Uf2Writer(RP2040, flash)
    at = 0
    while at < len(stream):
        assert not writer.complete
        size = rng.randint(1, 3000)
        writer.feed(stream[at : at + size])
        at += size
    assert writer.complete
    assert flash.read(0, len(data)) == data


def test_blocks_of_another_family_are_skipped() -> None:
    flash = Flash(1 << 20)
    writer = Uf2Writer(RP2040, flash)
    writer.feed(uf2.pack(bytes(1000), AT, 0xE48BFF59))
    assert not writer.complete
    assert flash.written_bytes == flash.erased_bytes == 0
    writer.feed(uf2.pack(bytes(1000), AT, FAMILY))
    assert writer.complete


@pytest.mark.parametrize("chip", [RP2040, RP2350], ids=lambda chip: chip.board_id)
def test_an_image_starts_only_with_an_intact_beginning(chip: boot_rom.PicoChip) -> None:
    flash = Flash(1 << 20)
    assert not boot_rom.starts(chip, flash)
    image = boot_rom.make_image(chip, b"contents")
    flash.write(0, image)
    assert boot_rom.starts(chip, flash)
    for at in (64, 66):
        broken = Flash(1 << 20)
        broken.write(0, image)
        broken.write(at, b"\0") if chip is RP2350 else broken.write(3, b"\0")
        assert not boot_rom.starts(chip, broken)


def test_a_file_of_any_name_is_flashed_and_the_drive_vanishes(tmp_path: Path) -> None:
    with VirtualPico(tmp_path) as pico:
        pico.bootsel()
        assert "Board-ID: RPI-RP2" in (pico.drive / "INFO_UF2.TXT").read_text()
        (pico.drive / "a b.uf2").write_bytes(uf2.pack(boot_rom.make_image(RP2040, b"other"), AT, FAMILY))
        for _ in range(500):
            if not pico.drive.exists():
                break
            time.sleep(0.01)
        assert not pico.drive.exists()
        assert pico.flash.written_bytes > 4096
