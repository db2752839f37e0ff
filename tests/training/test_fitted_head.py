"""Heads fitted to a teacher's scores: labels that it never had, and no recording judged by its own label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import teacher_models
from training_sounds import RATE, need, quick_settings, sound

from soundsdk.errors import DataError, UsageError
from soundsdk_train.datasets import load_clips, scan
from soundsdk_train.distillation.fitted_head import fit_head
from soundsdk_train.frame_targets import VALUES
from soundsdk_train.run_settings import from_dict


def recordings(classes: int = 20, each: int = 12) -> tuple[list[np.ndarray], np.ndarray, list[str]]:
    """Scores in which each of two labels has a faint class of its own, and the third group has neither."""
    rng = np.random.default_rng(2)
    clips, targets, sources = [], [], []
    for i in range(3 * each):
        scores = rng.uniform(0, 0.01, (5, classes)).astype(np.float32)
        scores[:, 9] = rng.uniform(0, 1)  # loud, and says nothing
        row = np.zeros(2, np.float32)
        if i % 3 < 2:
            scores[:, 3 + i % 3] = rng.uniform(0.05, 0.15)
            row[i % 3] = 1
        clips.append(scores)
        targets.append(row)
        sources.append(f"s{i // 2}-{i % 3}")
    return clips, np.array(targets), sources


def test_a_head_finds_the_faint_classes_that_tell_labels_apart():
    need("sklearn")
    clips, targets, sources = recordings()
    head = fit_head(clips, targets, sources, ["a", "b"], softmax=False, seed=1)
    assert head.without(sources[0]).apply(clips[0]).shape == (5, 2)
    heard = np.array([head.without(s).apply(c).mean(axis=0) for c, s in zip(clips, sources, strict=True)])
    for i in range(2):
        assert heard[targets[:, i] > 0, i].min() > heard[targets[:, i] == 0, i].max() + 0.1


@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "c"]])
def test_a_softmax_head_gives_one_distribution_per_recording(labels):
    need("sklearn")
    clips, targets, sources = recordings()
    if len(labels) == 3:
        targets = np.concatenate([targets, 1 - targets.sum(axis=1, keepdims=True)], axis=1)
    else:
        targets[:, 1] = 1 - targets[:, 0]
    head = fit_head(clips, targets, sources, labels, softmax=True, seed=1)
    right = 0
    for scores, row, source in zip(clips, targets, sources, strict=True):
        heard = head.without(source).apply(scores)
        np.testing.assert_allclose(heard.sum(axis=1), 1.0, atol=1e-5)
        assert (heard == heard[0]).all()
        right += heard[0].argmax() == row.argmax()
    assert right >= 34


def test_no_recording_is_judged_by_a_head_that_saw_its_source():
    need("sklearn")
    clips, targets, sources = recordings()
    head = fit_head(clips, targets, sources, ["a", "b"], softmax=False, seed=1)
    assert sorted(set(head.part_of.values())) == [0, 1, 2, 3, 4]
    # Other sound under the label of one source: only the heads that saw it change.
    changed = [np.flip(c, axis=1) if s == sources[0] else c for c, s in zip(clips, sources, strict=True)]
    other = fit_head(changed, targets, sources, ["a", "b"], softmax=False, seed=1)
    np.testing.assert_allclose(other.without(sources[0]).weights, head.without(sources[0]).weights, atol=1e-6)
    assert np.abs(other.whole.weights - head.whole.weights).max() > 1e-3
    assert head.without("another") is head.whole


def test_a_label_with_one_recording_is_an_error():
    need("sklearn")
    clips, targets, _ = recordings()
    with pytest.raises(DataError, match="cannot be fitted to a: it has fewer than two"):
        fit_head(clips, targets, ["one"] * len(clips), ["a", "b"], softmax=False, seed=1)


def test_a_fitted_head_does_not_go_with_scenes():
    with pytest.raises(UsageError, match=r"does not go with \[scenes\]"):
        from_dict({"teacher_file": {"head": "fitted"}, "scenes": {"count": 4}})


def test_a_sound_that_the_teacher_has_no_class_for_is_heard_in_time(tmp_path: Path):
    need("tensorflow", "sklearn")
    from soundsdk_train.distillation.distil import fit_to_clips, open_distiller, teach_clips, unlabelled_clips

    file = teacher_models.write_tflite(tmp_path / "tones.tflite")
    teacher_models.write_class_map(tmp_path / "tones_class_map.csv")
    rng = np.random.default_rng(6)

    def both(seconds: float) -> np.ndarray:
        return np.asarray(sound("high tone", rng, seconds) + sound("low tone", rng, seconds))

    makers = {
        "chord": both,
        "high tone": lambda s: sound("high tone", rng, s),
        "low tone": lambda s: sound("low tone", rng, s),
        "quiet": lambda s: rng.normal(0, 1e-4, int(s * RATE)),
    }
    for label, make in makers.items():
        (tmp_path / "data" / label).mkdir(parents=True)
        for i in range(8):
            soundfile.write(tmp_path / "data" / label / f"{i}.wav", make(1.0), RATE)
    settings = quick_settings(
        model={"head": "sigmoid", "attention": "class"},
        data={"negatives": ["high_tone", "low_tone", "quiet"]},
        teacher_file={"file": str(file), "head": "fitted", "hop_s": 0.1, "delay_s": 0.0},
    )
    one = open_distiller(["chord"], settings, tmp_path / "cache")
    files = scan(tmp_path / "data").recordings
    clips = load_clips(files, settings.frontend, settings.model.hop_frames, keep_pcm=False).clips
    fitted = fit_to_clips(one, clips, files)
    assert fitted.describe()["head"] == "fitted"
    taught = teach_clips(fitted, clips, files)
    heard = [clip.strong for clip in taught if clip.labels == ("chord",)]
    assert np.mean([(VALUES[strong] > 0.5).mean() for strong in heard]) > 0.5
    (tmp_path / "long").mkdir()
    quiet = makers["quiet"](0.9)
    parts = [quiet, makers["high tone"](0.9), quiet, both(0.9), quiet]
    soundfile.write(tmp_path / "long" / "l.wav", np.concatenate(parts), RATE)
    pieces = unlabelled_clips(fitted, [tmp_path / "long"])
    levels = [float(piece.soft_labels[0]) for piece in pieces if piece.soft_labels is not None]
    assert levels[3] == max(levels)
    assert levels[3] > 0.5
    assert max(levels[0], levels[2]) < 0.3
