"""Mining: what counts as a false alarm, what is cut, and that training on it helps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from training_sounds import CLASSES, RATE, need, quick_settings, sound

from soundsdk import cli
from soundsdk.errors import DataError
from soundsdk.labels import TSV_HEADER, LabelledSpan
from soundsdk_train.evaluation.deployed import ScoredRecording
from soundsdk_train.mining.candidates import FALSE_ALARM, NEAR_MISS, candidates
from soundsdk_train.mining.mine import INDEX, MiningLimits, event_labels, mine, read_index
from soundsdk_train.mining.sources import find_recordings

SECONDS = 12.0


def scored(*rows: tuple[float, ...], labels: tuple[str, ...] = ("bell",), truth: tuple[LabelledSpan, ...] = ()) -> Any:
    """Scores of one or more labels, a step every half second."""
    scores = np.rint(np.array(rows, np.float64).T * 1000).astype(np.int32)
    ends = 8000 * (1 + np.arange(len(scores)))
    return ScoredRecording("x", list(labels), scores, ends, int(ends[-1]), RATE, 8000, list(truth))


def test_peaks_without_an_event_are_near_misses_highest_first():
    row = (0.1, 0.5, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.6, 0.6, 0.1, 0.29)
    found = candidates(scored(row), [], ["bell"], min_score=0.3, apart_s=2.0)
    assert [(c.at_s, c.score, c.kind) for c in found] == [(4.5, 0.6, NEAR_MISS), (1.0, 0.5, NEAR_MISS)]


def test_events_are_false_alarms_before_any_near_miss_whatever_their_score():
    row = (0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1)
    event = LabelledSpan(0.5, 1.0, "bell", 0.2)
    found = candidates(scored(row), [event], ["bell"], min_score=0.3, apart_s=1.0)
    assert [(c.at_s, c.kind) for c in found] == [(1.0, FALSE_ALARM), (4.0, NEAR_MISS)]


def test_what_the_truth_explains_is_neither():
    row = (0.1, 0.9, 0.1, 0.8, 0.1, 0.1, 0.1, 0.7, 0.1)
    events = [LabelledSpan(0.5, 1.0, "bell", 0.9), LabelledSpan(3.5, 4.0, "bell", 0.7)]
    truth = (LabelledSpan(0.6, 0.9, "bell"), LabelledSpan(3.0, 4.0, "horn"))
    found = candidates(scored(row, truth=truth), events, ["bell"], min_score=0.3, apart_s=0.5)
    assert [(c.at_s, c.kind) for c in found] == [(4.0, FALSE_ALARM)]


def test_moments_near_each_other_are_one_also_of_several_labels():
    bell = (0.1, 0.5, 0.1, 0.6, 0.1, 0.1, 0.1, 0.1)
    horn = (0.1, 0.1, 0.7, 0.1, 0.1, 0.1, 0.1, 0.4)
    background = (0.9, 0.2, 0.9, 0.2, 0.9, 0.2, 0.9, 0.2)
    three = scored(bell, horn, background, labels=("bell", "horn", "background"))
    found = candidates(three, [], event_labels(three.labels), min_score=0.3, apart_s=1.5)
    assert [(c.at_s, c.label) for c in found] == [(1.5, "horn"), (4.0, "horn")]


def test_truth_is_read_beside_the_recordings_and_from_folders(tmp_path):
    for name in ("a/one.wav", "a/two.wav", "bell/three.wav", "a/four.wav", "out/background/x/mined.flac"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(1600), RATE)
    (tmp_path / "a" / "one.txt").write_text("1.0\t2.0\tbell\n")
    (tmp_path / "a" / "truth.tsv").write_text(f"{TSV_HEADER}\ntwo.wav\t0.5\t0.7\thorn\n")
    (tmp_path / "a" / "notes.tsv").write_text("some other table\n")
    found = {r.name: r.truth for r in find_recordings([tmp_path], ["bell"], tmp_path / "out" / "background")}
    assert found["a/one.wav"] == [LabelledSpan(1.0, 2.0, "bell")]
    assert found["a/two.wav"] == [LabelledSpan(0.5, 0.7, "horn")]
    assert found["a/four.wav"] == []
    assert found["bell/three.wav"][0].label == "bell"
    assert found["bell/three.wav"][0].offset_s > 1e6
    assert len(found) == 4
    (one,) = find_recordings([tmp_path / "bell"], ["bell"], tmp_path / "out")
    assert one.truth[0].label == "bell"
    (tmp_path / "a" / "one.txt").write_text("1.0\tbell\n")
    with pytest.raises(DataError, match="columns"):
        list(find_recordings([tmp_path / "a"], ["bell"], tmp_path / "out"))


def confuser(rng: np.random.Generator, seconds: float = 2.0) -> np.ndarray:
    """Make a warble between the two tones of the data set, which no class has."""
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = rng.uniform(2000, 2400)
    return 0.2 * np.sin(2 * np.pi * pitch * t + 8 * np.sin(2 * np.pi * 6 * t)) + rng.normal(0, 0.001, len(t))


def night(path: Path, seed: int, at_s: float = 6.0) -> Path:
    """Write a recording of a quiet room with one confuser in it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1e-4, int(SECONDS * RATE))
    odd = confuser(rng)
    x[int(at_s * RATE) :][: len(odd)] += odd
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, x, RATE)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training data without anything like the confuser: two tones, and noise and a quiet room as background."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(3)
    for label in CLASSES:
        folder = root / ("background" if label == "noise" else label)
        folder.mkdir()
        for i in range(8):
            soundfile.write(folder / f"{label[0]}{i}.wav", sound(label, rng), RATE)
    for i in range(8):
        soundfile.write(root / "background" / f"quiet{i}.wav", rng.normal(0, 1e-4, 2 * RATE), RATE)
    return root


def settings() -> Any:
    return quick_settings(
        model={"head": "sigmoid", "attention": "class"},
        train={"epochs": 80, "label_smoothing": 0.0, "quiet_db": 25.0, "strong_weight": 2.0},
        augment={"mixup": 0.0, "noise_db": [-100.0, -80.0], "band_masks": 0},
        data={"negatives": ["background"]},
        waveform={"variants": 0},
        negatives={"use": False},
        detector={"on": 500, "off": 300, "min_ms": 0, "pool_ms": 0},
    )


def train(data: Path, out: Path) -> Any:
    """Train a detector and read its file."""
    from soundsdk.models.shipped import load_model
    from soundsdk_train import training_run
    from soundsdk_train.datasets import scan
    from soundsdk_train.preparation import load_split

    chosen = settings()
    clips, _, labels = load_split(scan(data), None, chosen)
    training_run.write_detector(training_run.train_detector(clips, [], labels, chosen), out)
    return load_model(out)


@pytest.fixture(scope="module")
def detector(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    need("tensorflow")
    return train(data, tmp_path_factory.mktemp("model") / "tones.tflite")


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nights")
    for i in range(12):
        night(folder / f"n{i}.wav", i, 3.0 + i / 2)
    return folder


def test_mined_clips_lower_the_score_of_what_was_mistaken(detector, data, nights, tmp_path):
    from soundsdk_train.evaluation.deployed import score_recording

    grown = tmp_path / "grown"
    shutil.copytree(data, grown)
    labels = ["high_tone", "low_tone"]
    found = mine(detector, find_recordings([nights], labels, grown), grown, MiningLimits(0.3))
    assert found.clips, "the detector mistakes nothing; the test needs another confuser"
    assert found.hours == pytest.approx(12 * SECONDS / 3600)
    again = train(grown, tmp_path / "again.tflite")

    def highest(one: Any) -> float:
        rng = np.random.default_rng(99)
        scores = []
        for _ in range(5):
            fresh = np.concatenate([rng.normal(0, 1e-4, 2 * RATE), confuser(rng)])
            scores.append(score_recording(one.data, (fresh * 32767).astype(np.int16)).scores.max() / 1000)
        return float(np.mean(scores))

    before, after = highest(detector), highest(again)
    assert before > 0.5
    assert after < 0.6 * before


def test_clips_are_cut_around_the_score_and_listed(detector, nights, tmp_path):
    found = mine(detector, find_recordings([nights], [], tmp_path), tmp_path, MiningLimits(0.3, before_s=2.0))
    rows = read_index(tmp_path)
    assert rows == found.clips
    for row in rows:
        pcm, rate = soundfile.read(tmp_path / row.file, dtype="int16")
        assert rate == RATE
        begin = round(row.onset * RATE)
        source, _ = soundfile.read(nights / row.source, dtype="int16")
        np.testing.assert_array_equal(pcm, source[begin : begin + len(pcm)])
        assert len(pcm) == pytest.approx((row.offset - row.onset) * RATE, abs=1)
        assert row.event_label in ("high_tone", "low_tone")
        odd_s = 3.0 + int(row.source[1:-4]) / 2
        assert row.onset < odd_s + 2.5
        assert row.offset > odd_s
    # All clips of one recording lie in one folder: training keeps them on one side of a split.
    from soundsdk_train.datasets import scan

    shutil.copytree(tmp_path / "background", tmp_path / "d" / "background")
    sources = {r.path.parent.name: r.source for r in scan(tmp_path / "d").recordings}
    assert all(folder == source for folder, source in sources.items())


def test_the_same_sound_is_taken_once_also_by_a_later_run(detector, nights, tmp_path):
    shutil.copytree(nights, tmp_path / "nights")
    shutil.copy(tmp_path / "nights" / "n0.wav", tmp_path / "nights" / "copy.wav")
    out = tmp_path / "out"
    first = mine(detector, find_recordings([tmp_path / "nights"], [], out), out, MiningLimits(0.3))
    assert first.alike >= 1
    assert not {"n0.wav", "copy.wav"} <= {clip.source for clip in first.clips}
    index = (out / INDEX).read_text()
    second = mine(detector, find_recordings([tmp_path / "nights"], [], out), out, MiningLimits(0.3))
    assert second.clips == []
    assert (out / INDEX).read_text() == index
    # A clip that was thrown away may come again.
    (out / first.clips[0].file).unlink()
    third = mine(detector, find_recordings([tmp_path / "nights"], [], out), out, MiningLimits(0.3))
    assert [clip.score for clip in third.clips] == [first.clips[0].score]


def test_their_number_is_bounded_in_all_and_per_recording(detector, nights, tmp_path):
    rng = np.random.default_rng(8)
    parts = []
    for _ in range(6):
        parts += [rng.normal(0, 1e-4, 5 * RATE), confuser(rng)]
    long = tmp_path / "long" / "long.wav"
    long.parent.mkdir()
    soundfile.write(long, np.concatenate(parts), RATE)
    folders = [nights, long.parent]
    every = mine(detector, find_recordings(folders, [], tmp_path / "a"), tmp_path / "a", MiningLimits(0.3))
    few = mine(detector, find_recordings(folders, [], tmp_path / "b"), tmp_path / "b", MiningLimits(0.3, most=2))
    assert len(every.clips) > 2
    assert few.clips == every.clips[:2]
    ranks = [(clip.kind, -clip.score) for clip in every.clips]
    assert ranks == sorted(ranks)
    one = MiningLimits(0.3, most_per_source=1)
    limited = mine(detector, find_recordings(folders, [], tmp_path / "c"), tmp_path / "c", one)
    sources = [clip.source for clip in limited.clips]
    assert len(sources) == len(set(sources))


def test_true_sounds_are_not_mined_nor_cut_into_clips(detector, tmp_path):
    rng = np.random.default_rng(4)
    tone = sound("high tone", rng, 2.0)
    quiet = rng.normal(0, 1e-4, 3 * RATE)
    folder = tmp_path / "long"
    folder.mkdir()
    soundfile.write(folder / "t.wav", np.concatenate([quiet, tone, quiet[:RATE], confuser(rng), quiet]), RATE)
    (folder / "t.txt").write_text("3.0\t5.0\thigh_tone\n")
    found = mine(detector, find_recordings([folder], ["high_tone"], tmp_path / "none"), tmp_path, MiningLimits(0.3))
    assert found.clips
    assert all(clip.onset >= 5.0 for clip in found.clips)


def test_the_verb_mines_and_says_what_it_took(detector, nights, tmp_path, capfd):
    model = tmp_path / "m.tflite"
    model.write_bytes(detector.data)
    words = ["mine", str(model), "--audio", str(nights), "--min-score", "0.3", "-o", str(tmp_path / "data")]
    assert cli.run([*words, "--json"]) == 0
    said = capfd.readouterr()
    report = json.loads(said.out)
    assert report["clips"] == [vars(clip) for clip in read_index(tmp_path / "data")]
    assert report["hours"] == pytest.approx(0.04, abs=0.001)
    assert "1 of 12: n0.wav" in said.err
    assert cli.run(words) == 0
    said = capfd.readouterr().out
    assert "0.04 h of 12 recordings" in said
    assert "0 clips" in said
    assert str(nights) not in (tmp_path / "data" / INDEX).read_text()


def test_what_cannot_be_mined_is_a_sentence(detector, nights, tmp_path, capfd):
    model = tmp_path / "m.tflite"
    model.write_bytes(detector.data)
    empty = tmp_path / "empty"
    empty.mkdir()
    bad = tmp_path / "bad" / "b.wav"
    bad.parent.mkdir()
    bad.write_bytes(b"no sound")
    broken = tmp_path / "broken" / INDEX
    broken.parent.mkdir()
    broken.write_text("something else\n")
    for audio, out, says in (
        (tmp_path / "missing", "o", "there is no folder"),
        (empty, "o", "holds no WAV"),
        (bad.parent, "o", "none of the recordings can be read"),
        (nights, "broken", "cannot be read: its columns"),
    ):
        words = ["mine", str(model), "--audio", str(audio), "-o", str(tmp_path / out)]
        assert cli.run(words) == 1, says
        error = capfd.readouterr().err
        assert says in error
        assert "Traceback" not in error
    (tmp_path / "file").write_text("in the way")
    words = ["mine", str(model), "--audio", str(nights), "--min-score", "0.3", "-o", str(tmp_path / "file" / "x")]
    assert cli.run(words) == 1
    assert "cannot be written" in capfd.readouterr().err
