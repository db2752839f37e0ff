"""Labelled spans and the tables that hold them."""

from __future__ import annotations

import math

import pytest

from soundsdk.errors import DataError
from soundsdk.labels import (
    TSV_HEADER,
    LabelledSpan,
    counted,
    format_audacity,
    format_tsv,
    parse_audacity,
    parse_tsv,
)

SPANS = [LabelledSpan(0.5, 0.5, "dog_bark"), LabelledSpan(1.25, 7200.001, "Sirène 1"), LabelledSpan(3.0, 4.0, "siren")]


@pytest.mark.parametrize(("onset_s", "offset_s"), [(2.0, 1.0), (math.nan, 1.0), (0.0, math.nan)])
def test_a_span_never_ends_before_it_begins(onset_s: float, offset_s: float) -> None:
    with pytest.raises(ValueError, match="before it begins"):
        LabelledSpan(onset_s, offset_s, "siren")


def test_a_dcase_table_that_was_written_reads_back_by_file() -> None:
    rows = [TSV_HEADER, *format_tsv("b.wav", SPANS), *format_tsv("a.wav", SPANS[:1])]
    assert parse_tsv("\n".join(rows) + "\n") == {"b.wav": SPANS, "a.wav": SPANS[:1]}
    assert parse_tsv("\r\n".join(rows[1:])) == {"b.wav": SPANS, "a.wav": SPANS[:1]}  # some tables have no header
    assert parse_tsv("") == {}


def test_an_audacity_track_that_was_written_reads_back_without_its_frequency_ranges() -> None:
    first, *rest = format_audacity(SPANS)
    assert parse_audacity("\n".join([first, "\\\t200.0\t4000.0", *rest])) == SPANS


@pytest.mark.parametrize("text", ["a.wav\t0\t1\n", "a.wav\tzero\t1\tdog\n", "a.wav\t2\t1\tdog\n"])
def test_a_row_that_is_no_label_is_named_by_its_line(text: str) -> None:
    with pytest.raises(DataError, match=r"line 2 of night\.tsv"):
        parse_tsv(TSV_HEADER + "\n" + text, "night.tsv")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 alarms"), (1, "1 alarm"), (1.0, "1 alarm"), (0.5, "0.5 alarms"), (20000, "20000 alarms")]
)
def test_a_number_and_its_noun_agree(count: float, text: str) -> None:
    assert counted(count, "alarm") == text
