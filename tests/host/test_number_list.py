"""Ranges of numbers on the command line."""

from __future__ import annotations

import click
import pytest

from soundsdk.commands.number_list import NumberList


@pytest.mark.parametrize(("text", "numbers"), [("3", [3]), ("1-4", [1, 2, 3, 4]), ("1,3-4", [1, 3, 4])])
def test_numbers_are_ranges_and_lists(text: str, numbers: list[int]) -> None:
    assert NumberList().convert(text, None, None) == numbers


@pytest.mark.parametrize("text", ["all", "", "1,", "-3", "4-1", "1-2-3"])
def test_what_names_no_numbers_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.BadParameter, match="names no numbers"):
        NumberList().convert(text, None, None)
