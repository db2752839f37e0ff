"""Shown output that is no longer what a command prints is found, and what a page leaves out is not asked for."""

from __future__ import annotations

import pytest
from shown_output import difference

PRINTED = "zero\none\ntwo 2.50 s\nthree\nfour\n"


@pytest.mark.parametrize(
    "shown",
    [
        ("zero", "one", "two 2.50 s", "three", "four"),
        ("...", "one", "...", "four"),
        ("zero", "...", "four"),
        ("zero", "one", "t...", "...", "four", "..."),
        ("zero", "one", "...", "two ... s", "three", "four"),
        ("zero", "", "one", "two 2.50 s", "three", "four"),
    ],
)
def test_output_that_is_shown_whole_or_with_gaps_passes(shown: tuple[str, ...]) -> None:
    assert difference(shown, PRINTED) == ""


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        (("one", "two 2.50 s", "three", "four"), "it prints\n  zero"),
        (("zero", "one", "two 2.50 s", "three"), "more than is shown: four"),
        (("...", "one", "three", "..."), "it prints\n  two 2.50 s"),
        (("...", "five", "..."), "does not print this, or not here: five"),
        (("...", "four", "...", "zero"), "not here: zero"),
        (("zero", "one", "two 2.51 s", "..."), "two 2.50 s"),
        (("...",), "alone shows nothing"),
        ((), "nothing is shown: zero"),
    ],
)
def test_output_that_differs_is_named(shown: tuple[str, ...], says: str) -> None:
    assert says in difference(shown, PRINTED)


def test_what_prints_nothing_shows_nothing() -> None:
    assert difference((), "\n") == ""
    assert "not here: a" in difference(("a",), "")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("found 3 of 3, mAP 1.0000", "found 0 of 12, mAP 0.3981"),
        ("file  90,112 bytes", "file 1,090,144 bytes"),
        ("┏━━━┳━━┓", "┏━━━━━━┳━━━┓"),
        ("│ recall │ 1.000 [0.76 1.00] │", "│ recall │ 0.000 [0.00 0.00]  │"),
        ('"t":98560,"score":0.977,"crc":"..."}', '"t":1,"score":0.5,"crc":"07260d50"}'),
        ("-0.46 / 0.80", "0.46 / 1.80"),
        ("19:34:57  on  2.45 s", "01:02:03  on 12.45 s"),
    ],
)
def test_numbers_that_vary_are_compared_by_their_form(shown: str, printed: str) -> None:
    assert difference((shown,), printed, numbers_vary=True) == ""
    assert difference((shown,), printed) != ""


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("recall 1.000", "precision 1.000"),
        ("3 s", "3 ms"),
        ("1.000 [-]", "1.000 [0.00 1.00]"),
        ("a 1 b 2", "a 1 b"),
        ("rp2040", "rp2350"),  # a name
        ("INT8", "INT4"),
        ("doorbell on", "knock on"),
    ],
)
def test_names_units_and_columns_count_when_numbers_vary(shown: str, printed: str) -> None:
    assert difference((shown,), printed, numbers_vary=True) != ""
