"""`soundsdk data`, the same as the first lines of `train`, and what no detector can come of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from odd_folders import CLASSES, RATE, classes, put
from training_sounds import need

import odd_sounds
from soundsdk.cli import run
from soundsdk.errors import DataError
from soundsdk_train import survey as survey_module
from soundsdk_train.data_report import report_of, without_silence
from soundsdk_train.datasets import scan
from soundsdk_train.survey import survey


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))


def as_json(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    capsys.readouterr()
    run(["data", *map(str, words), "--json"])
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    found: dict[str, Any] = json.loads(out)
    return found


def test_data_says_what_is_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = classes(tmp_path / "data")
    put(root / "beep" / "fast.wav", rate=44100)
    assert run(["data", str(root)]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0].endswith("16 clips, layout folders")
    assert lines[1].startswith("nothing is held out")
    assert lines[2:6] == [
        "          clips  length",
        "  beep        6     2 s",
        "  warble      5     2 s",
        "  noise       5     2 s  background: never an event",
    ]
    assert run(["data", str(root), "--fold", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[2] == "          clips  held out  length"
    assert "rates: 16000 Hz (15), 44100 Hz (1)" in out
    found = as_json(capsys, root, "--fold", "1")
    assert [(c["label"], c["event"], c["train"], c["test"]) for c in found["labels"]] == [
        ("beep", True, 5 - (found["labels"][0]["test"] - 1), found["labels"][0]["test"]),
        ("warble", True, 4, 1),
        ("noise", False, 4, 1),
    ]
    assert found["labels"][1]["seconds"] == pytest.approx(1.5, abs=0.01)
    assert (found["fold"], found["problem"]) == (1, None)


def test_data_names_what_is_silent_clipped_equal_unreadable_or_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = classes(tmp_path / "data")
    beep = root / "beep"
    soundfile.write(beep / "dead.wav", np.zeros(RATE), RATE)
    soundfile.write(beep / "loud.wav", np.clip(9 * odd_sounds.tone(1), -1, 1), RATE)
    shutil.copy(beep / "beep0.wav", beep / "copy.wav")
    samples, _ = soundfile.read(beep / "beep1.wav", dtype="int16")
    soundfile.write(root / "warble" / "again.flac", samples, RATE)  # another container, another label
    odd_sounds.write(beep, "antiphase.wav")
    odd_sounds.write(beep, "integers_as_floats.wav")
    (beep / "more.zip").write_bytes(b"PK")
    found = as_json(capsys, root)
    assert [Path(p).name for p in found["silent"]] == ["dead.wav"]
    assert [Path(p).name for p in found["clipped"]] == ["loud.wav"]
    equal = [sorted(Path(p).name for p in group) for group in found["duplicates"]]
    assert sorted(equal) == [["again.flac", "beep1.wav"], ["beep0.wav", "copy.wav"]]
    reasons = {Path(one["path"]).name: one["reason"] for one in found["unreadable"] + found["passed_over"]}
    assert set(reasons) == {"antiphase.wav", "integers_as_floats.wav", "more.zip"}
    assert any("the same sound has two labels" in text for text in found["warnings"])
    run(["data", str(root)])
    out = capsys.readouterr().out
    for part in ("digital silence: beep/dead.wav", "clipped, recorded too loud: beep/loud.wav", "antiphase", "unpack"):
        assert part in out


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"beep": 1, "noise": 5}, "beep has only 1 clip to train on: record 10 or more, near and far"),
        ({"beep": 6, "noise": 1}, "noise has only 1 clip to train on: record 20 or more, speech, music"),
        ({"beep": 3, "warble": 60, "noise": 5}, "warble has 20 times as many clips as beep"),
        ({"beep": 6, "warble": 6}, "no folder `background`: record there what is to be no event"),
        ({"beep": 6, "noise": 0}, "the folder `noise` holds no sound: record there what is to be no event"),
    ],
)
def test_data_warns_of_what_is_thin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], counts: dict[str, int], said: str
) -> None:
    for label, count in counts.items():
        classes(tmp_path / "data", (label,), count)
        (tmp_path / "data" / label).mkdir(exist_ok=True)
    assert any(said in text for text in as_json(capsys, tmp_path / "data")["warnings"])


def test_a_folder_or_a_file_with_nearly_that_name_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    classes(tmp_path / "my_sounds", ("beep", "noise"), 6)
    for line, there in (
        ("data my_sound", "my_sounds"),
        ("evaluate home --deployed --data my_sounds/bep", "my_sounds/beep"),
        ("calibrate home -o a.tflite --max-fa-per-hour 1 --background my_sounds/nois", "my_sounds/noise"),
        ("sim my_sounds/beep/bep0.wav", "my_sounds/beep/beep0.wav"),
    ):
        assert run(line.split()) in (1, 2)
        assert f"Did you mean {there}?" in capsys.readouterr().err
    assert run(["data", "something_else"]) == 1
    assert "Did you mean" not in capsys.readouterr().err


def test_a_good_project_gets_no_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One event and backgrounds: the commonest project."""
    classes(tmp_path / "data", ("doorbell",), 10)
    classes(tmp_path / "data", ("background",), 20)
    found = as_json(capsys, tmp_path / "data")
    assert (found["warnings"], found["problem"], found["notes"]) == ([], None, [])


def only_backgrounds(root: Path) -> None:
    classes(root, ("noise", "silence", "others"))


def all_silent(root: Path) -> None:
    classes(root, ("warble", "noise"))
    for i in range(4):
        (root / "beep").mkdir(exist_ok=True)
        soundfile.write(root / "beep" / f"{i}.wav", np.zeros(RATE), RATE)


def all_broken(root: Path) -> None:
    classes(root, ("warble", "noise"), 30)
    (root / "beep").mkdir()
    for i in range(3):
        (root / "beep" / f"{i}.wav").write_text("no sound")


def all_held_out(root: Path) -> None:
    classes(root / "train", ("warble", "noise"))
    classes(root / "test", ("beep", "warble", "noise"))


NOTHING_COMES = [
    (only_backgrounds, "holds only backgrounds"),
    (all_silent, "every recording of beep is digital silence"),
    (all_broken, "no recording of beep can be read"),
    (all_held_out, "all recordings of beep are held out"),
]


@pytest.mark.parametrize(("make", "said"), NOTHING_COMES)
def test_data_says_of_what_no_detector_can_come(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any, said: str
) -> None:
    make(tmp_path / "data")
    assert run(["data", str(tmp_path / "data")]) == 6
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("make", "said"), NOTHING_COMES)
def test_train_refuses_it_before_it_trains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any, said: str
) -> None:
    need("tensorflow")
    make(tmp_path / "data")
    assert run(["train", "--data", str(tmp_path / "data"), "-o", str(tmp_path / "x.tflite")]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert "to train on, none held out" not in err, "no clip was made ready"
    assert not (tmp_path / "x.tflite").exists()


def test_what_is_known_without_sound_is_refused_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("tensorflow")
    from soundsdk_train.training_job import TrainingRequest, run_training

    only_backgrounds(tmp_path / "data")

    def read(path: Path) -> None:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(survey_module, "examine", read)
    with pytest.raises(DataError, match="only backgrounds"):
        run_training(TrainingRequest(str(tmp_path / "data"), tmp_path / "x.tflite"), lambda text: None)


def test_silent_clips_of_an_event_are_not_learned_and_those_of_backgrounds_are(tmp_path: Path) -> None:
    root = classes(tmp_path / "data", ("beep", "silence"))
    for label in ("beep", "silence"):
        soundfile.write(root / label / "dead.wav", np.zeros(RATE), RATE)
    dataset = scan(root)
    facts = survey([r.path for r in dataset.recordings])
    assert [p.parent.name for p in without_silence(dataset, facts)] == ["beep"]
    assert [r.label for r in dataset.recordings if r.path.name == "dead.wav"] == ["silence"]
    assert report_of(dataset, None, facts).problem is None


def test_files_are_decoded_once_and_again_when_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [r.path for r in scan(classes(tmp_path / "data")).recordings]
    first = survey(files)
    read: list[Path] = []
    examine = survey_module.examine
    monkeypatch.setattr(survey_module, "examine", lambda path: read.append(path) or examine(path))
    assert survey(files) == first
    assert read == []
    put(files[0], seconds=0.7)
    assert survey(files)[files[0]].seconds == pytest.approx(0.7)
    assert read == [files[0]]


def test_labels_in_time_count_their_own_seconds(tmp_path: Path) -> None:
    put(tmp_path / "night.wav", seconds=8)
    (tmp_path / "night.txt").write_text("2.0\t3.5\tbell\n")
    dataset = scan(tmp_path)
    report = report_of(dataset, None, survey([r.path for r in dataset.recordings]))
    assert {c.label: c.seconds for c in report.labels} == {"bell": 1.5, "background": 1.75}


def test_labels_that_go_on_after_their_sound_are_named_and_counted_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "rec" / "a.wav"
    path.parent.mkdir()
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 5 * RATE), RATE)
    path.with_suffix(".txt").write_text("4.0\t20000\tbell\n7.0\t9.0\tbell\n")
    dataset = scan(tmp_path)
    found = report_of(dataset, None, survey([path]))
    assert [c.seconds for c in found.labels if c.label == "bell"] == [pytest.approx(1.0)]
    assert found.beyond_end == [path]
    assert any("labels go on after the end of the sound" in line for line in found.lines())


def test_a_test_part_is_held_out_unless_the_user_says_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part, count in (("train", 6), ("test", 2)):
        classes(tmp_path / "data" / part, count=count)
    held = as_json(capsys, tmp_path / "data")
    assert ([c["test"] for c in held["labels"]], held["fold"]) == ([2, 2, 2], 3)
    assert "test part is held out" in held["split"]
    none = as_json(capsys, tmp_path / "data", "--fold", 0)
    assert ([c["train"] for c in none["labels"]], none["fold"]) == ([8, 8, 8], None)


def test_backgrounds_are_named_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes(tmp_path / "data", ("beep",))
    classes(tmp_path / "house", CLASSES)
    found = as_json(capsys, tmp_path / "data", "--background", tmp_path / "house")
    assert [(c["label"], c["event"], c["train"]) for c in found["labels"]] == [
        ("beep", True, 5),
        ("background", False, 15),
    ]


def test_columns_stand_below_each_other_where_letters_are_wide(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = classes(tmp_path / "data")
    for i in range(2):
        put(root / "犬の声" / f"{i}.wav")
    assert run(["data", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if "犬の声" in line)
    assert row == "  犬の声      2     1 s"
    # Each of those letters is two columns wide.
    assert len(row) + 3 == len("  beep        6     2 s")
