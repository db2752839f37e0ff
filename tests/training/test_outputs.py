"""Verbs write through links and into devices, and find out before any work that a file has no place."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundsdk import cli
from soundsdk.models.shipped import find_model, load_model

RATE = 16000
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.is_char_device(), reason="this system has no /dev/full")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where a result that finds no room where it belongs may be kept."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return folders of a label and of a negative."""
    root = tmp_path_factory.mktemp("outputs")
    rng = np.random.default_rng(2)
    for folder in ("siren", "neg_fan"):
        (root / folder).mkdir()
        for i in range(2):
            soundfile.write(root / folder / f"{i}.wav", rng.normal(0, 0.02, 2 * RATE), RATE)
    return root


@needs_full
def test_a_page_and_a_table_for_a_full_device_are_one_sentence_and_it_stays_one(
    sounds: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "full"
    link.symlink_to(FULL)
    for words in (
        ["evaluate", "home", "--deployed", "--data", str(sounds), "--html", str(link)],
        ["bench", "home", "--set", f"a={sounds}", "--table", str(link)],
    ):
        assert cli.run(words) == 1
        said = capfd.readouterr().err
        assert "full cannot be written: No space left on device" in said or "full is no file" in said
    assert FULL.is_char_device()
    assert link.is_symlink()


def test_calibrate_through_a_link_changes_the_file_that_it_leads_to(sounds: Path, tmp_path: Path) -> None:
    model = tmp_path / "store" / "home.tflite"
    model.parent.mkdir()
    shutil.copy(find_model("home"), model)
    link = tmp_path / "current.tflite"
    link.symlink_to(model)
    words = ["calibrate", str(link), "--max-fa-per-hour", "10000", "--background", str(sounds / "neg_fan")]
    assert cli.run(words) == 0
    assert link.is_symlink()
    assert load_model(model).metadata["calibration"]["max_fa_per_hour"] == 10000


def places(tmp_path: Path) -> list[Path]:
    """Return places in which nothing can be written."""
    (tmp_path / "file").write_text("x")
    return [tmp_path / "file" / "out", *([Path("/proc/soundsdk")] if Path("/proc/self").is_dir() else [])]


def test_no_verb_works_before_it_knows_that_it_can_write(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for work in (
        "soundsdk_train.calibration.material.hear_backgrounds",
        "soundsdk_train.training_job.scan",
        "soundsdk_train.commands.crossval.scan",
        "soundsdk_train.evaluation.deployed_run.evaluate_deployed",
        "soundsdk_train.mining.mine.mine",
        "soundsdk_sim.board.run_recording",
        "soundsdk_sim.explain.report.explain_sound",
    ):
        monkeypatch.setattr(work, lambda *_, **__: pytest.fail("work was done first"))
    data, clip = ["--data", str(sounds)], str(sounds / "siren" / "0.wav")
    good = str(tmp_path / "good.tflite")
    for place in places(tmp_path):
        model, folder = str(place / "m.tflite"), str(place)
        for words in (
            ["train", *data, "-o", model],
            ["train", *data, "--tensorboard", folder, "-o", good],
            ["crossval", *data, "-o", folder],
            ["calibrate", "home", "--max-fa-per-hour", "9", "--background", str(sounds / "neg_fan"), "-o", model],
            ["mine", "home", "--audio", str(sounds), "-o", folder],
            ["evaluate", "home", "--deployed", *data, "--html", f"{folder}/x.html"],
            ["bench", "home", "--set", f"a={sounds}", "--table", f"{folder}/t.json"],
            ["demo", "-o", folder],
            ["explain", clip, "--html", f"{folder}/x.html"],
            ["sim", clip, "--plot", f"{folder}/x.png"],
        ):
            code = cli.run(words)
            said = capfd.readouterr().err
            assert code in (1, 2), (words, said)
            assert "internal error" not in said, (words, said)
            assert "cannot be written" in said or "no folder" in said, (words, said)
            assert len(said.splitlines()) == 2, (words, said)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_a_record_of_the_run_that_has_no_place_is_found_out_before_training(
    sounds: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.run.json").mkdir()
    assert cli.run(["train", "--data", str(sounds), "-o", str(tmp_path / "m.tflite")]) == 1
    assert "m.run.json cannot be written: Is a directory" in capfd.readouterr().err
