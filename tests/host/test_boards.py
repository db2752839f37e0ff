"""Board files are data, and are checked."""

import re

import pytest

from soundsdk.boards import all_boards, read_board
from soundsdk.errors import UsageError


def test_boards_that_come_along_are_valid():
    assert "sim" in {board.id for board in all_boards()}


@pytest.mark.parametrize(
    "text", ["name = ", 'name = "x"', 'name = "x"\nport = "p"\narch = 3', 'name="x"\nport="p"\narch="a"\nextra="e"']
)
def test_wrong_board_files_are_named(tmp_path, text):
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"odd\.toml"):
        read_board(path)


def test_what_flash_and_devices_go_by_is_stated_for_every_real_board():
    seen = {}
    for board in all_boards():
        if board.port not in ("rp2", "esp32"):
            assert board.usb is None
            continue
        assert board.usb is not None
        assert board.usb.normal
        assert board.usb.bootloader
        for usb_id in board.usb.normal + board.usb.bootloader:
            assert re.fullmatch("[0-9a-f]{4}:[0-9a-f]{4}", usb_id), board.id
        assert 0 < board.image_bytes < board.flash_bytes
        assert (board.uf2 is None) != (board.esptool is None)
        if board.uf2 is not None:
            # The boot loader, its drive and its family tell the same chip.
            chip = seen.setdefault(board.uf2.family, (board.arch, board.uf2.volume, board.usb.bootloader))
            assert chip == (board.arch, board.uf2.volume, board.usb.bootloader)
            assert not set(board.usb.normal) & set(board.usb.bootloader)
        if board.led is not None:
            assert board.led.kind in ("gpio", "ws2812")
    assert len(set(seen.values())) == len(seen)


def test_pins_are_not_used_twice():
    for board in all_boards():
        if board.mic is not None:
            pins = [board.mic.sck, board.mic.ws, board.mic.sd] + ([board.led.pin] if board.led else [])
            assert len(set(pins)) == len(pins), board.id
