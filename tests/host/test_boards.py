"""Board files are data, and are checked."""

import re

import pytest

from soundsdk.boards import all_boards, read_board
from soundsdk.errors import UsageError


def test_shipped_board_files_are_valid():
    assert "sim" in {board.id for board in all_boards()}


@pytest.mark.parametrize(
    "text", ["name = ", 'name = "x"', 'name = "x"\nport = "p"\narch = 3', 'name="x"\nport="p"\narch="a"\nextra="e"']
)
def test_wrong_board_files_are_named(tmp_path, text):
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"odd\.toml"):
        read_board(path)


def test_every_real_board_has_the_facts_that_flash_and_devices_need():
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
            # The boot loader, its drive and its family belong to the same chip.
            chip = seen.setdefault(board.uf2.family, (board.arch, board.uf2.volume, board.usb.bootloader))
            assert chip == (board.arch, board.uf2.volume, board.usb.bootloader)
            assert not set(board.usb.normal) & set(board.usb.bootloader)
        if board.led is not None:
            assert board.led.kind in ("gpio", "ws2812")
    assert len(set(seen.values())) == len(seen)


def test_pins_are_not_used_twice():
    for board in all_boards():
        if board.mic is not None:
            names = ("sck", "ws", "sd", "clk", "data", "pin")
            pins = [pin for name in names if (pin := getattr(board.mic, name)) is not None]
            pins += [board.led.pin] if board.led else []
            assert len(pins) > 1, board.id
            assert len(set(pins)) == len(pins), board.id


MIC = """name="x"
port="p"
arch="a"
[mic]
"""


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('kind="telephone"', "mic.kind must be one of i2s, pdm, adc"),
        ('kind="i2s"\nid=0\nsck=1\nws=2', "mic.sd is missing"),
        ('kind="pdm"\nclk=1\ndata=2\nsck=3', "unknown key mic.sck"),
        ('kind="adc"\npin="26"', "mic.pin must be 26..29"),
        ('kind="adc"\npin=26\nvolume=3', "unknown key mic.volume"),
    ],
)
def test_a_wrong_microphone_is_named(tmp_path, table, said):
    path = tmp_path / "odd.toml"
    path.write_text(MIC + table)
    with pytest.raises(UsageError, match=said):
        read_board(path)


def test_the_firmware_gets_the_microphone_settings_of_the_file(tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text(MIC + 'kind="pdm"\nclk=1\ndata=2\nshift=3')
    mic = read_board(path).mic
    assert mic is not None
    assert mic.settings() == {"kind": "pdm", "clk": 1, "data": 2, "shift": 3}
