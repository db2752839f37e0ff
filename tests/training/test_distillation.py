"""Distillation: targets in time, unlabelled recordings, and the verb that does it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import teacher_models
from training_sounds import CLASSES, RATE, need, quick_settings, sound

from soundsdk import cli
from soundsdk.errors import DataError, UsageError
from soundsdk_train.datasets import UNKNOWN, LabelledFile, load_clips, scan
from soundsdk_train.frame_targets import VALUES

SIGMOID = {"head": "sigmoid", "attention": "class"}


@pytest.fixture(scope="module")
def teacher_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("tensorflow")
    folder = tmp_path_factory.mktemp("teacher")
    teacher_models.write_class_map(folder / "tones_class_map.csv")
    return teacher_models.write_tflite(folder / "tones.tflite")


def distiller(file: Path, cache: Path, labels: tuple[str, ...] = ("noise", "high_tone"), **tables: dict[str, Any]):
    from soundsdk_train.distillation.distil import open_distiller

    table = {"file": str(file), "hop_s": 0.05, "delay_s": 0.0, **tables.pop("teacher_file", {})}
    return open_distiller(labels, quick_settings(teacher_file=table, **{"model": SIGMOID, **tables}), cache)


def write(path: Path, *labels: str, seconds: float = 1.0, seed: int = 1) -> Path:
    """Write sounds one after another; "" is a quiet room."""
    rng = np.random.default_rng(seed)
    parts = [sound(label, rng, seconds) if label else rng.normal(0, 1e-4, int(seconds * RATE)) for label in labels]
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.concatenate(parts), RATE)
    return path


def loaded(path: Path, label: str, settings: Any) -> tuple[list[LabelledFile], list[Any]]:
    files = [LabelledFile(path, label, 1, path.stem)]
    return files, load_clips(files, settings.frontend, settings.model.hop_frames, keep_pcm=False).clips


def frame_times(clip: Any) -> np.ndarray:
    return (np.arange(len(clip.features)) * 256 + 256) / RATE


def test_the_teacher_says_which_frames_hold_a_label(teacher_file, tmp_path):
    from soundsdk_train.distillation.distil import teach_clips

    one = distiller(teacher_file, tmp_path / "cache")
    files, clips = loaded(write(tmp_path / "n.wav", "noise", "", "", "noise"), "noise", one.settings)
    (clip,) = teach_clips(one, clips, files)
    at = frame_times(clip)
    noise, tone = clip.strong.T
    assert (noise[(at > 0.2) & (at < 0.8)] == 1).all()
    assert (VALUES[noise[(at > 1.3) & (at < 2.7)]] < 0.05).all()
    assert (noise != UNKNOWN).all()
    assert (noise[(at > 3.2) & (at < 3.8)] == 1).all()
    assert (VALUES[tone] < 0.05).all()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_label_that_the_teacher_misses_is_unknown_in_time(teacher_file, tmp_path, trusted):
    from soundsdk_train.distillation.distil import teach_clips

    one = distiller(teacher_file, tmp_path / "cache", teacher_file={"trust_absent": trusted})
    # Labelled a tone, and it is noise: the label is not taken from the clip, only from its frames.
    files, clips = loaded(write(tmp_path / "n.wav", "noise", "noise"), "high_tone", one.settings)
    (clip,) = teach_clips(one, clips, files)
    assert clip.labels == ("high_tone",)
    assert (clip.strong[:, 1] == UNKNOWN).all()
    # Noise is not among the labels, and the teacher is sure of it.
    assert (clip.strong[10:-10, 0] == (0 if trusted else UNKNOWN)).all()


def test_a_label_that_the_teacher_does_not_know_is_left_to_the_labels(teacher_file, tmp_path):
    from soundsdk_train.distillation.distil import teach_clips

    one = distiller(teacher_file, tmp_path / "cache", ("noise", "bell"), teacher_file={"map": {"bell": []}})
    files, clips = loaded(write(tmp_path / "b.wav", ""), "bell", one.settings)
    (clip,) = teach_clips(one, clips, files)
    assert (clip.strong[:, 1] == UNKNOWN).all()
    files, clips = loaded(write(tmp_path / "c.wav", "noise"), "noise", one.settings)
    (clip,) = teach_clips(one, clips, files)
    assert not clip.strong[:, 1].any()


def test_weight_mixes_labels_and_scores(teacher_file):
    from soundsdk_train.distillation.soft_targets import distribution, labelled_frames
    from soundsdk_train.run_settings import TeacherFileSettings

    p = np.array([[0.6, 0.4], [0.2, 0.4], [1.0, 1.0]], np.float32)
    settings = TeacherFileSettings(weight=0.5, trust_absent=False)
    targets = labelled_frames(p, np.array([1.0, 0.0], np.float32), settings)
    np.testing.assert_allclose(VALUES[targets[:, 0]], [0.8, 0.2, 1.0], atol=0.003)
    np.testing.assert_allclose(VALUES[targets[:2, 1]], [0.2, 0.2], atol=0.003)
    assert targets[2, 1] == UNKNOWN
    assert not labelled_frames(p, np.array([1.0, 0.0], np.float32), TeacherFileSettings())[:, 1].any()
    labels = np.array([0.0, 1.0], np.float32)
    np.testing.assert_allclose(distribution(p[:1], labels, 0.5), [0.3, 0.7], atol=1e-6)
    np.testing.assert_allclose(distribution(p[:1], None, 1.0), [0.6, 0.4], atol=1e-6)
    assert distribution(p[:1] * 0.5, None, 1.0) is None
    assert distribution(p[:1] * 0.5, labels, 0.5) is labels


def test_the_delay_moves_targets_later(teacher_file, tmp_path):
    from soundsdk_train.distillation.distil import teach_clips

    onsets = []
    for delay_s in (0.0, 0.3):
        one = distiller(teacher_file, tmp_path / "cache", teacher_file={"delay_s": delay_s})
        files, clips = loaded(write(tmp_path / "n.wav", "", "noise"), "noise", one.settings)
        (clip,) = teach_clips(one, clips, files)
        onsets.append(frame_times(clip)[np.flatnonzero(VALUES[clip.strong[:, 0]] > 0.5)[0]])
    assert onsets[0] == pytest.approx(1.0, abs=0.12)
    assert onsets[1] - onsets[0] == pytest.approx(0.3, abs=0.02)


def test_scores_are_kept_by_content_and_damaged_ones_made_again(teacher_file, tmp_path):
    from soundsdk_train.distillation.distil import teach_clips

    path = write(tmp_path / "n.wav", "noise")
    one = distiller(teacher_file, tmp_path / "cache")
    files, clips = loaded(path, "noise", one.settings)
    first = teach_clips(one, clips, files)[0].strong
    assert one.cache.hits == 0
    (kept,) = (tmp_path / "cache").rglob("*.npz")
    again = distiller(teacher_file, tmp_path / "cache")
    moved = path.rename(tmp_path / "renamed.wav")
    second = teach_clips(again, clips, [LabelledFile(moved, "noise", 1, "")])[0].strong
    assert again.cache.hits == 1
    np.testing.assert_array_equal(first, second)
    for damage in (b"", kept.read_bytes()[:50], b"junk"):
        kept.write_bytes(damage)
        third = distiller(teacher_file, tmp_path / "cache")
        np.testing.assert_array_equal(teach_clips(third, clips, [LabelledFile(moved, "noise", 1, "")])[0].strong, first)
        assert third.cache.hits == 0
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_samples_are_heard_once_at_any_rate(teacher_file, tmp_path):
    one = distiller(teacher_file, tmp_path / "cache")
    noise = (sound("noise", np.random.default_rng(1)) * 32767).astype(np.int16)
    first = one.cache.hear(noise)
    np.testing.assert_allclose(first.values, one.teacher.scores(noise).values, atol=1e-3)
    assert one.cache.hits == 0
    np.testing.assert_array_equal(one.cache.hear(noise).values, first.values)
    assert one.cache.hits == 1
    at_8k = one.cache.hear(noise[::2], 8000)  # as long as the first, and half as wide
    assert one.cache.hits == 1
    assert at_8k.values.shape == first.values.shape


def test_a_cache_that_cannot_be_written_is_said_and_no_failure(teacher_file, tmp_path):
    from soundsdk_train.distillation.distil import distil

    (tmp_path / "file").write_text("in the way")
    one = distiller(teacher_file, tmp_path / "file" / "cache")
    files, clips = loaded(write(tmp_path / "n.wav", "noise"), "noise", one.settings)
    said: list[str] = []
    (clip,) = distil(one, clips, files, [], said.append)
    assert (clip.strong[10:-10, 0] == 1).all()
    assert any("cannot be kept" in line for line in said)


def test_unlabelled_recordings_become_clips_with_the_teachers_targets(teacher_file, tmp_path):
    from soundsdk_train.distillation.distil import unlabelled_clips

    one = distiller(teacher_file, tmp_path / "cache")
    folder = write(tmp_path / "long" / "a.wav", "", "noise", "", "high tone", "").parent
    (folder / "not_sound.wav").write_bytes(b"no")
    clips = unlabelled_clips(one, [folder])
    assert [clip.name for clip in clips] == [f"a.wav+{i * 0.912:g}s" for i in range(6)]  # 56 frames each
    assert all(clip.pseudo for clip in clips)
    assert {label for clip in clips for label in clip.labels} == {"noise", "high_tone"}
    assert clips[1].labels == ("noise",)
    assert clips[1].soft_labels[0] > 0.9
    assert clips[1].soft_labels[1] < 0.1
    assert (clips[1].strong[20:-5, 0] == 1).all()
    assert len({clip.sha256 for clip in clips}) == 6
    # Those with something in them come first when there are too many.
    few = distiller(teacher_file, tmp_path / "cache", teacher_file={"unlabelled": 3})
    assert all(clip.soft_labels.max() > 0.2 for clip in unlabelled_clips(few, [folder]))
    assert few.cache.hits == 6


def test_unlabelled_recordings_that_cannot_be_used_are_errors(teacher_file, tmp_path):
    from soundsdk_train.distillation.distil import unlabelled_clips

    one = distiller(teacher_file, tmp_path / "cache")
    (tmp_path / "bad").mkdir()
    with pytest.raises(DataError, match="holds no WAV"):
        unlabelled_clips(one, [tmp_path / "bad"])
    (tmp_path / "bad" / "a.wav").write_bytes(b"no")
    with pytest.raises(DataError, match="none of the unlabelled"):
        unlabelled_clips(one, [tmp_path / "bad"])
    softmax = distiller(teacher_file, tmp_path / "cache", model={"head": "softmax", "attention": "shared"})
    with pytest.raises(UsageError, match="sure of no label"):
        unlabelled_clips(softmax, [write(tmp_path / "quiet" / "q.wav", "").parent])


def test_a_network_learns_from_the_teacher_alone(teacher_file, tmp_path):
    """No label was given: all it knows it has from the teacher."""
    need("tensorflow")
    from soundsdk_train import training_run
    from soundsdk_train.distillation.distil import unlabelled_clips

    for i in range(12):
        write(tmp_path / "long" / f"{i}.wav", *np.roll([*CLASSES, ""], i), seed=i)
    labels = ("noise", "high_tone")
    learning = {
        "train": {"epochs": 30, "strong_weight": 2.0, "label_smoothing": 0.0},
        "augment": {"mixup": 0.0, "noise_db": [-100.0, -80.0]},
        "negatives": {"use": False},
    }
    one = distiller(teacher_file, tmp_path / "cache", labels, **learning)
    clips = unlabelled_clips(one, [tmp_path / "long"])
    for i in range(8):
        for label in CLASSES:
            write(tmp_path / "test" / label / f"t{i}.wav", label, seed=100 + i)
    files = scan(tmp_path / "test").recordings
    test = load_clips(files, one.settings.frontend, one.settings.model.hop_frames).clips
    detector = training_run.train_detector(clips, test, labels, one.settings)
    assert detector.int8_figures is not None
    assert detector.int8_figures.mean_average_precision > 0.95
    assert detector.record["settings"]["teacher_file"]["file"] == teacher_file.name


def test_train_takes_a_teacher_and_unlabelled_recordings(teacher_file, folders, tmp_path, monkeypatch, capfd):
    need("tensorflow")
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "long" / "a.wav", "noise", "high tone", "low tone")
    config = tmp_path / "c.toml"
    config.write_text(
        '[model]\nhead = "softmax"\n'
        "stem_filters = 4\nblocks = [[8, 2, 2], [8, 2, 2]]\ngru_units = 8\n[train]\nepochs = 1\n"
        "batch = 8\nwindow_frames = 56\nwarmup_epochs = 1\n[augment]\ntime_mask_frames = 8\n"
        "[waveform]\nvariants = 0\n[negatives]\nuse = false\n"
        '[teacher_file]\nhop_s = 0.1\n[teacher_file.map]\nlow_tone = ["Low tone, hum"]\n'
    )
    out = tmp_path / "taught.tflite"
    words = ["train", "--data", str(folders), "--config", str(config), "-o", str(out)]
    assert cli.run([*words, "--unlabelled", str(tmp_path / "long")]) == 2
    assert "unlabelled recordings need a teacher" in capfd.readouterr().err
    words += ["--teacher", str(teacher_file)]
    assert cli.run([*words, "--unlabelled", str(tmp_path / "missing")]) == 2
    assert "there is no folder" in capfd.readouterr().err
    assert cli.run([*words, "--unlabelled", str(tmp_path / "long")]) == 0
    said = capfd.readouterr().err
    assert "teacher: low_tone is Low tone, hum" in said
    assert "the teacher hears 30 recordings" in said
    record = json.loads(out.with_suffix(".run.json").read_text())
    assert record["teacher_file"]["classes"]["high_tone"] == ["High tone, whistle"]
    assert any(name.startswith("a.wav+") for name in record["data"])
    from soundsdk.models.shipped import load_model

    assert load_model(str(out)).metadata["provenance"]["teacher"] == "tones.tflite"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("", "no class of the name bell"),
        ('bell = ["Gong"]', "no class 'Gong'"),
        ("bell = []\nhigh_tone = []\nlow_tone = []\nnoise = []", "knows none of the labels"),
    ],
)
def test_labels_that_map_to_nothing_end_train_with_a_sentence(teacher_file, tmp_path, capfd, table, says):
    for label in ("bell", *CLASSES):
        write(tmp_path / "data" / label / "1.wav", "noise")
    config = tmp_path / "c.toml"
    config.write_text(f'[model]\nhead = "softmax"\n[teacher_file.map]\n{table}\n')
    words = ["train", "--data", str(tmp_path / "data"), "--config", str(config), "--teacher", str(teacher_file)]
    assert cli.run([*words, "-o", str(tmp_path / "o.tflite")]) == 2
    said = capfd.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert not (tmp_path / "o.tflite").exists()


def test_backgrounds_need_no_class_of_the_teacher(teacher_file, tmp_path):
    from soundsdk_train.preparation import open_teacher_file

    for label in ("high tone", "background"):
        write(tmp_path / "data" / label / "1.wav", "noise")
    for head, labels in (("sigmoid", ["high_tone"]), ("softmax", ["background", "high_tone"])):
        settings = quick_settings(model={"head": head}, teacher_file={"file": str(teacher_file)})
        found = open_teacher_file(scan(tmp_path / "data"), settings, [])
        assert found is not None
        assert found.mapping.labels == labels


def test_a_wrong_teacher_ends_train_with_a_sentence(folders, tmp_path, capfd):
    need("tensorflow")
    bad = tmp_path / "bad.tflite"
    bad.write_text("no model")
    assert cli.run(["train", "--data", str(folders), "--teacher", str(bad), "-o", str(tmp_path / "o.tflite")]) == 1
    assert "bad.tflite is not a model that can teach" in capfd.readouterr().err
