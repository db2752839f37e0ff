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
