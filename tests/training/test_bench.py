"""The table of `soundsdk bench`: what it keeps, what counts as worse, and how its calls fail."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundsdk import cli
from soundsdk.errors import DataError
from soundsdk_train.evaluation.bench import (
    BenchLabel,
    BenchRow,
    BenchTable,
    chance_of_more,
    read_bench,
    worsened,
    write_bench,
)

RATE = 16000


def row(found: int = 30, alarms: int = 4, *, data: str = "d", file: str = "f", hours: float = 2.0) -> BenchRow:
    share = found / 40
    label = BenchLabel("siren", 40, found, share, share - 0.15, share + 0.1, alarms, hours, 0.5, 0.8, 0.6)
    return BenchRow("street", data, "home", file, 90_000, 0.3, 0.5, 0.8, [label])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("house")
    rng = np.random.default_rng(2)
    for folder in ("siren", "neg_fan"):
        (root / folder).mkdir()
        soundfile.write(root / folder / "one.wav", rng.normal(0, 0.05, 2 * RATE), RATE)
    return root


def test_a_table_is_kept_shown_and_compared(house: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "bench.json"
    assert cli.run(["bench", "home", "--set", f"house={house}", "--table", str(table), "--json"]) == 0
    (line,) = capfd.readouterr().out.splitlines()
    first = json.loads(line)
    assert (first["set_name"], first["model"]) == ("house", "home")
    siren = next(label for label in first["labels"] if label["label"] == "siren")
    assert siren["events"] == 1
    assert siren["negative_hours"] == pytest.approx(2 / 3600)
    assert siren["event_f1"] is None  # a folder does not say when its sounds begin
    # Without --set the sets of the table are used; the same file on the same set is one row.
    assert cli.run(["bench", "home", "--table", str(table), "--against", str(table)]) == 0
    assert "(was" in capfd.readouterr().out
    assert len(read_bench(table).rows) == 1
    assert cli.run(["bench", "--table", str(table)]) == 0
    assert "house" in capfd.readouterr().out


def renamed_file(rows: BenchTable, path: Path) -> None:
    """Write a table as an older file of the same detector left it."""
    for one in rows.rows:
        one.model_sha256 = "0" * 64
    write_bench(path, rows)


def test_a_new_file_is_compared_with_the_old_row_of_its_own_table_which_stays(
    house: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "bench.json"
    assert cli.run(["bench", "home", "--set", f"house={house}", "--table", str(table)]) == 0
    older = read_bench(table)
    for label in older.rows[0].labels:
        if label.label == "siren":
            label.recall, label.recall_low = 1.5, 1.4
    renamed_file(older, table)
    words = ["bench", "home", "--table", str(table), "--against", str(table)]
    for _ in range(2):  # the second time the new file has a row of its own, and is still no better than the old one
        capfd.readouterr()
        assert cli.run(words) == 6
        said = capfd.readouterr()
        assert "recall of siren fell from 1.500" in said.err
        assert said.out.count("(was") == len(older.rows[0].labels)  # the old row is not compared with itself
        kept = read_bench(table)
        assert kept.rows[0] == older.rows[0]
        assert len(kept.rows) == 2


def test_a_name_that_the_other_table_lacks_is_refused(
    house: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "bench.json"
    write_bench(table, BenchTable({"house": str(house)}, [dataclasses.replace(row(), set_name="house", model="old")]))
    assert cli.run(["bench", "home", "--table", str(table), "--against", str(table)]) == 2
    assert "no detector of the name home on these sets" in capfd.readouterr().err


def test_a_row_that_other_recordings_replace_is_noted(
    house: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "bench.json"
    assert cli.run(["bench", "home", "--set", f"house={house}", "--table", str(table)]) == 0
    before = read_bench(table)
    before.rows[0].data_sha256 = "1" * 64
    write_bench(table, before)
    capfd.readouterr()
    assert cli.run(["bench", "home", "--table", str(table)]) == 0
    assert "note: house holds other sound than before" in capfd.readouterr().err


def test_a_detector_that_is_worse_fails_the_check(
    house: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "bench.json"
    assert cli.run(["bench", "home", "--set", f"house={house}", "--table", str(table)]) == 0
    earlier = read_bench(table)
    for label in earlier.rows[0].labels:
        if label.label == "siren":
            label.recall, label.recall_low = 1.5, 1.4  # better than any detector can be
    write_bench(tmp_path / "earlier.json", earlier)
    capfd.readouterr()
    words = ["bench", "home", "--table", str(table), "--against", str(tmp_path / "earlier.json")]
    assert cli.run(words) == 6
    assert "worse: house: recall of siren fell" in capfd.readouterr().err


def test_long_recordings_with_truth_beside_them_are_a_set(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "street"
    folder.mkdir()
    soundfile.write(folder / "night.wav", np.zeros(20 * RATE), RATE)
    (folder / "night.txt").write_text("2.0\t5.0\tsiren\n")
    assert cli.run(["bench", "home", "--set", f"street={folder}", "--table", str(tmp_path / "b.json"), "--json"]) == 0
    siren = next(label for label in json.loads(capfd.readouterr().out)["labels"] if label["label"] == "siren")
    assert (siren["events"], siren["found"], siren["false_alarms"]) == (1, 0, 0)
    assert siren["event_f1"] == 0.0


def test_worse_is_what_chance_does_not_explain() -> None:
    assert worsened(row(30, 4), row(28, 7)) == []
    (said,) = worsened(row(30, 4), row(20, 4))
    assert "recall of siren fell from 0.750 to 0.500" in said
    (said,) = worsened(row(30, 4), row(30, 16))
    assert "rose from 4 to 16" in said
    # The same count in a quarter of the hours is four times the rate.
    assert worsened(row(30, 9), row(30, 9)) == []
    assert len(worsened(row(30, 9), row(30, 9, hours=0.5))) == 1


def test_other_data_is_not_compared() -> None:
    with pytest.raises(DataError, match="is not the one"):
        worsened(row(data="d"), row(data="e"))
    changed = dataclasses.replace(row().labels[0], events=41)
    with pytest.raises(DataError, match="the truth of street about siren has changed"):
        worsened(row(), dataclasses.replace(row(), labels=[changed]))


def test_the_chance_of_more_events_is_the_exact_binomial_one() -> None:
    assert chance_of_more(0, 0, 0.5) == 1
    assert chance_of_more(0, 5, 0.5) == pytest.approx(1 / 32)
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed: pip install 'soundsdk[train]'")
    assert chance_of_more(7, 15, 0.4) == pytest.approx(stats.binom.sf(14, 22, 0.4))


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = BenchTable({"street": "/somewhere"}, [row(), row(file="g")])
    write_bench(tmp_path / "t.json", table)
    assert read_bench(tmp_path / "t.json") == table
    assert table.newest("street", "home").model_sha256 == "g"
    assert table.newest("house", "home") is None


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "no detector to measure"),
        (["home"], 2, "no set to measure on"),
        (["home", "--set", "house"], 2, "names no set"),
        (["home", "--against", "no/such.json"], 2, "there is no table"),
        (["home", "--set", "house=no/such"], 1, "there is no set"),
        (["home", "--table", "{damaged}"], 1, "is no table of soundsdk bench"),
    ],
)
def test_wrong_calls_of_bench_are_one_sentence(
    words: list[str], code: int, says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{}")
    given = [word.format(damaged=damaged) for word in words]
    if "--table" not in words:
        given += ["--table", str(tmp_path / "new.json")]
    assert cli.run(["bench", *given]) == code
    said = capfd.readouterr().err
    assert says in said
    assert "Traceback" not in said
