"""The verbs that measure agree: on quiet, on files that cannot be read, on truth, and on what was trained on."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from soundsdk import cli
from soundsdk.commands.info import info
from soundsdk.errors import DataError
from soundsdk.labels import LabelledSpan, counted
from soundsdk.models.shipped import find_model, load_model
from soundsdk.recording.skipped import SkippedFiles
from soundsdk_train.calibration.rewrite import replace_metadata
from soundsdk_train.datasets import scan
from soundsdk_train.evaluation.bench import read_bench, write_bench
from soundsdk_train.evaluation.trained_on import trained_on
from soundsdk_train.evaluation.truth_files import within

RATE = 16000


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return folders of two labels and a negative, with the same names of files in each, and one that is damaged."""
    root = tmp_path_factory.mktemp("rules")
    rng = np.random.default_rng(4)
    for folder in ("siren", "dog_bark", "neg_fan"):
        (root / folder).mkdir()
        for i in range(5):
            tone = np.sin(2 * np.pi * rng.uniform(500, 1500) * np.arange(RATE) / RATE) * rng.uniform(0.02, 0.3)
            soundfile.write(root / folder / f"{i}.wav", tone + rng.normal(0, 0.01, RATE), RATE)
    (root / "neg_fan" / "damaged.wav").write_bytes(b"RIFF, or so it says")
    return root


def deployed(words: list[str], capfd: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    assert cli.run(["evaluate", "home", *words, "--json"]) == 0
    said = capfd.readouterr()
    return json.loads(said.out), said.err


def test_the_same_clips_give_the_same_figures_with_and_without_deployed(
    sounds: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plain, _ = deployed(["--data", str(sounds)], capfd)
    measured, _ = deployed(["--deployed", "--data", str(sounds)], capfd)
    assert plain["deployed"] == measured["deployed"]
    assert measured["deployed"]["labels"][1]["events"] == 5


def test_a_file_that_cannot_be_read_is_passed_over_and_counted_by_every_verb(
    sounds: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    long = tmp_path / "long"
    long.mkdir()
    soundfile.write(long / "a.wav", np.zeros(3 * RATE), RATE)
    for name in ("a", "damaged"):
        (long / f"{name}.txt").write_text("1.0\t2.0\tsiren\n")
    (long / "damaged.wav").write_bytes(b"RIFF")
    data, table = ["--data", str(sounds)], str(tmp_path / "t.json")
    cases = [
        (["evaluate", "home", *data], "1 of 16 files"),
        (["evaluate", "home", "--deployed", *data], "1 of 16 files"),
        (["evaluate", "home", "--deployed", "--audio", str(long)], "1 of 2 files"),
        (["bench", "home", "--set", f"a={sounds}", "--set", f"b={long}", "--table", table], "a: 1 of 16 files"),
        (["mine", "home", "--audio", str(sounds / "neg_fan"), "-o", str(tmp_path / "mined")], "1 of 6 files"),
        (
            ["calibrate", "home", "--max-fa-per-hour", "1000", "--background", str(sounds / "neg_fan"),
             "-o", str(tmp_path / "c.tflite")],
            "1 of 6 files",
        ),
    ]  # fmt: skip
    for words, count in cases:
        code = cli.run(words)
        said = capfd.readouterr().err
        assert "damaged.wav is not sound that can be read" in said, words
        assert f"{count} skipped" in said, (words, said)
        assert code in (0, 6), (words, said)
        assert "internal error" not in said


def test_nothing_left_to_read_is_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "siren").mkdir()
    (tmp_path / "siren" / "x.wav").write_bytes(b"RIFF")
    folder, out = str(tmp_path / "siren"), str(tmp_path / "o")
    for words in (
        ["evaluate", "home", "--data", str(tmp_path)],
        ["evaluate", "home", "--deployed", "--data", str(tmp_path)],
        ["bench", "home", "--set", f"a={tmp_path}", "--table", str(tmp_path / "t.json")],
        ["mine", "home", "--audio", folder, "-o", out],
    ):
        assert cli.run(words) == 1, words
        said = capfd.readouterr().err
        assert "recordings can be read" in said or "no recording could be read" in said, (words, said)
    skipped = SkippedFiles(lambda text: None)
    skipped.finish(0)
    skipped("x.wav is empty")
    with pytest.raises(DataError, match=r"none of the recordings can be read: x\.wav is empty"):
        skipped.finish(0)


def test_truth_beyond_the_recording_is_cut_with_a_note_or_refused() -> None:
    notes: list[str] = []
    spans = [LabelledSpan(1.0, 2.0, "siren"), LabelledSpan(9.0, 12.5, "siren")]
    kept = within(spans, 10.0, Path("a.wav"), notes.append)
    assert [(s.onset_s, s.offset_s) for s in kept] == [(1.0, 2.0), (9.0, 10.0)]
    assert notes == ["the truth of a.wav goes on to 12.50 s; it was cut where the sound ends, at 10.00 s"]
    with pytest.raises(DataError, match=r"lasts 8\.00 s, but its truth has siren from 9\.00 s on"):
        within(spans, 8.0, Path("a.wav"))


def test_evaluate_says_that_truth_ends_with_the_sound(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(5 * RATE), RATE)
    (tmp_path / "a.txt").write_text("3.0\t7.0\tsiren\n")
    words = ["evaluate", "home", "--deployed", "--audio", str(tmp_path / "a.wav")]
    assert cli.run(words) == 0
    assert "goes on to 7.00 s" in capfd.readouterr().err
    (tmp_path / "a.txt").write_text("60.0\t70.0\tsiren\n")
    assert cli.run(words) == 1
    assert "lasts 5.00 s, but its truth has siren from 60.00 s on" in capfd.readouterr().err


@pytest.mark.parametrize("more", [[], ["--deployed"]])
def test_a_detector_measured_on_what_it_was_trained_on_is_said_so(
    sounds: Path, tmp_path: Path, more: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(find_model("home").read_bytes())
    words = ["evaluate", str(model), *more, "--data", str(sounds)]
    assert cli.run(words) == 0
    assert "may be the recordings that the model was trained on" in capfd.readouterr().err
    files = [r.path for r in scan(sounds).recordings]
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files[:3]}
    record = tmp_path / "m.run.json"
    record.write_text(json.dumps({"data": digests}))
    assert trained_on(model, files) == 3
    assert cli.run(words) == 0
    assert "warning: the model was trained on 3 of these 16 recordings" in capfd.readouterr().err
    record.write_text(json.dumps({"data": {"other.wav": "0" * 64}}))
    assert cli.run(words) == 0
    assert "trained on" not in capfd.readouterr().err


def test_rows_of_different_recordings_under_one_name_are_told_apart(
    sounds: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.json"
    assert cli.run(["bench", "home", "--set", f"house={sounds}", "--table", str(table)]) == 0
    assert "measured on different recordings" not in capfd.readouterr().err
    kept = read_bench(table)
    other = copy.deepcopy(kept.rows[0])
    other.model_sha256, other.data_sha256 = "1" * 64, "abcdef" + "0" * 58
    kept.put(other)
    write_bench(table, kept)
    assert cli.run(["bench", "--table", str(table)]) == 0
    said = capfd.readouterr()
    assert "house (abcdef)" in said.out
    assert f"house ({kept.rows[0].data_sha256[:6]})" in said.out
    assert "the rows of house were measured on different recordings" in said.err


def test_recordings_that_lie_in_no_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "bell.wav").touch()
    with pytest.raises(DataError, match="are in no folder that says what they are") as error:
        scan(tmp_path)
    assert f"{tmp_path / 'CLASS' / 'bell.wav'}" in error.value.hint


@pytest.mark.parametrize(
    ("failed", "rate", "says"),
    [
        ([], 0.5, "calibrated for 0.5 false alarms an hour on 2.00 h of kitchen"),
        (["siren"], 1.0, "calibrated for 1 false alarm an hour on 2.00 h of kitchen, which was not attained for siren"),
        (None, 1.0, "not calibrated: 1 false alarm an hour was not attained on 2.00 h of kitchen"),
    ],
)
def test_info_says_for_which_classes_the_rate_was_not_attained(
    failed: list[str] | None, rate: float, says: str, tmp_path: Path
) -> None:
    home = load_model("home")
    classes: list[dict[str, Any]] = [{"label": label, "false": 3, "proved": 1.0} for label in home.labels]
    for one in classes:
        if failed is None or one["label"] in failed:
            one["attained"] = False
    entry = {"max_fa_per_hour": rate, "hours": 2.0, "sources": ["kitchen"], "classes": classes}
    (tmp_path / "m.tflite").write_bytes(replace_metadata(home.data, {**home.metadata, "calibration": entry}))
    out = CliRunner().invoke(info, [str(tmp_path / "m.tflite")]).output
    assert f"  {says}" in out


def test_one_is_no_plural() -> None:
    assert [counted(n, "class", "classes") for n in (0, 1, 2)] == ["0 classes", "1 class", "2 classes"]
    assert counted(1, "clip") == "1 clip"
