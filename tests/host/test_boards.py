"""Board files are data, and are checked."""

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
        ('kind="pdm"\nclk=1\ndata=2\nsck=3', "mic.sck is not a key of a microphone of kind pdm"),
        ('kind="adc"\npin="26"', "mic.pin must be of type"),
        ('kind="adc"\npin=26\nvolume=3', "mic.volume is not a key"),
    ],
)
def test_a_wrong_microphone_is_named(tmp_path, table, said):
    path = tmp_path / "odd.toml"
    path.write_text(MIC + table)
    with pytest.raises(UsageError, match=said):
        read_board(path)


def test_the_firmware_gets_what_the_file_says_of_the_microphone(tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text(MIC + 'kind="pdm"\nclk=1\ndata=2\nshift=3')
    mic = read_board(path).mic
    assert mic is not None
    assert mic.settings() == {"kind": "pdm", "clk": 1, "data": 2, "shift": 3}
