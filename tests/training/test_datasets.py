"""Layouts, folds and files that cannot be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundsdk.errors import DataError, UsageError
from soundsdk.recording import audio_file
from soundsdk_train import datasets
from soundsdk_train.run_settings import FrontendSettings, WaveformAugmentSettings
from soundsdk_train.waveform import variant_maker

FRONTEND = FrontendSettings()


def tone(path: Path, seconds: float = 0.5, rate: int = 16000, channels: int = 1, pitch: float = 1000.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)
    soundfile.write(path, np.repeat(wave[:, None], channels, 1), rate)
    return path


def test_esc_folders_give_labels_official_folds_and_sources(tmp_path: Path) -> None:
    for name in ("001 - Dog bark/1-100-A.ogg", "001 - Dog bark/2-200-A.ogg", "010 - Fire crackling/1-300-B.ogg"):
        tone(tmp_path / name)
    (tmp_path / "README.md").write_text("not audio")
    found = datasets.scan(tmp_path)
    assert (found.layout, found.labels, found.folds) == ("esc", ["dog_bark", "fire_crackling"], [1, 2])
    assert [(r.label, r.fold, r.source) for r in found.recordings] == [
        ("dog_bark", 1, "100"),
        ("dog_bark", 2, "200"),
        ("fire_crackling", 1, "300"),
    ]


def test_esc_csv_gives_labels_in_the_order_of_targets(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text(
        "filename,fold,target,category,esc10,src_file,take\n"
        "1-9-A-1.wav,1,1,rooster,True,9,A\n2-8-A-0.wav,2,0,dog,True,8,A\n2-8-B-0.wav,2,0,dog,True,8,B\n"
    )
    for name in ("1-9-A-1.wav", "2-8-A-0.wav", "2-8-B-0.wav"):
        tone(tmp_path / "audio" / name)
    found = datasets.scan(tmp_path)
    assert (found.layout, found.labels) == ("esc", ["dog", "rooster"])
    assert [(r.path.parent.name, r.path.name, r.fold, r.source) for r in found.recordings] == [
        ("audio", "1-9-A-1.wav", 1, "9"),
        ("audio", "2-8-A-0.wav", 2, "8"),
        ("audio", "2-8-B-0.wav", 2, "8"),
    ]


def test_urbansound8k_csv_gives_fold_folders_and_sources(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "UrbanSound8K.csv").write_text(
        "slice_file_name,fsID,start,end,salience,fold,classID,class\n"
        "100-3-0-0.wav,100,0.0,1.0,1,5,3,dog_bark\n101-2-0-1.wav,101,0,4,2,10,2,children_playing\n"
    )
    tone(tmp_path / "audio" / "fold5" / "100-3-0-0.wav")
    tone(tmp_path / "audio" / "fold10" / "101-2-0-1.wav")
    found = datasets.scan(tmp_path)
    assert (found.layout, found.labels, found.folds) == ("urbansound8k", ["children_playing", "dog_bark"], [5, 10])
    (bark,) = [r for r in found.recordings if r.label == "dog_bark"]
    assert bark.path.as_posix().endswith("audio/fold5/100-3-0-0.wav")
    assert bark.source == "100"


def test_a_table_without_its_columns_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("filename,fold\na.wav,1\n")
    with pytest.raises(DataError, match="line 2"):
        datasets.scan(tmp_path)


def test_folders_are_dealt_to_five_folds_and_takes_stay_together(tmp_path: Path) -> None:
    for i in range(10):
        tone(tmp_path / "siren" / f"s{i}.wav")
    for take in "ABC":
        tone(tmp_path / "bell" / f"door-{take}.wav")
        tone(tmp_path / "bell" / "church" / f"{take}.wav")
    found = datasets.scan(tmp_path)
    assert (found.layout, found.labels, found.folds) == ("folders", ["bell", "siren"], [1, 2, 3, 4, 5])
    assert [sum(r.fold == f for r in found.recordings if r.label == "siren") for f in range(1, 6)] == [2] * 5
    by_source = {s: {r.fold for r in found.recordings if r.source == s} for s in ("door", "church")}
    assert all(len(folds) == 1 for folds in by_source.values())
    assert datasets.scan(tmp_path).recordings == found.recordings


def test_a_split_holds_out_exactly_one_fold(tmp_path: Path) -> None:
    for fold in (1, 2, 3):
        for source in ("10", "11"):
            tone(tmp_path / "001 - A" / f"{fold}-{fold}{source}-A.wav")
    found = datasets.scan(tmp_path)
    train, test = datasets.split(found, 2)
    assert {r.fold for r in test} == {2}
    assert {r.fold for r in train} == {1, 3}
    assert datasets.split(found, None) == (found.recordings, [])
    with pytest.raises(UsageError, match="no fold 4"):
        datasets.split(found, 4)


def test_takes_of_one_recording_on_both_sides_are_refused(tmp_path: Path) -> None:
    for name in ("1-100-A.wav", "2-100-B.wav", "2-200-A.wav"):
        tone(tmp_path / "001 - A" / name)
    with pytest.raises(DataError, match=r"2-100-B\.wav trains, 1-100-A\.wav tests"):
        datasets.split(datasets.scan(tmp_path), 1)


def test_the_same_file_on_both_sides_is_refused(tmp_path: Path) -> None:
    tone(tmp_path / "001 - A" / "1-1-A.wav")
    shutil.copy(tmp_path / "001 - A" / "1-1-A.wav", tmp_path / "001 - A" / "2-2-A.wav")
    train, test = (datasets.load_clips(r, FRONTEND, 8).clips for r in datasets.split(datasets.scan(tmp_path), 1))
    with pytest.raises(DataError, match="same recording"):
        datasets.refuse_duplicates(train, test)


def test_unreadable_files_are_named_counted_and_skipped(tmp_path: Path) -> None:
    for i in range(40):
        tone(tmp_path / "a" / f"{i}.wav")
    (tmp_path / "a" / "text.wav").write_text("this is no sound at all")
    soundfile.write(tmp_path / "a" / "empty.wav", np.zeros(0), 16000)
    loaded = datasets.load_clips(datasets.scan(tmp_path).recordings, FRONTEND, 8)
    assert len(loaded.clips) == 40
    assert [Path(path).name for path, _ in loaded.unreadable] == ["empty.wav", "text.wav"]
    assert "holds no sound" in loaded.unreadable[0][1]


def test_more_than_five_percent_unreadable_is_an_error(tmp_path: Path) -> None:
    for i in range(18):
        tone(tmp_path / "a" / f"{i}.wav")
    (tmp_path / "a" / "x.wav").write_bytes(b"RIFF\x00\x00")
    loaded = datasets.load_clips(datasets.scan(tmp_path).recordings, FRONTEND, 8)
    assert (len(loaded.clips), len(loaded.unreadable)) == (18, 1), "one file is that file's matter"
    (tmp_path / "a" / "y.wav").write_bytes(b"RIFF\x00\x00")
    with pytest.raises(DataError, match=r"2 of 20 files cannot be read.*x\.wav"):
        datasets.load_clips(datasets.scan(tmp_path).recordings, FRONTEND, 8)


@pytest.mark.parametrize("make", ["missing", "empty", "no audio"])
def test_a_folder_without_recordings_is_one_clear_error(tmp_path: Path, make: str) -> None:
    root = tmp_path / "data"
    if make != "missing":
        root.mkdir()
    if make == "no audio":
        (root / "a").mkdir()
        (root / "a" / "notes.txt").write_text("nothing to hear")
    with pytest.raises(DataError, match="not a folder" if make == "missing" else "no recordings"):
        datasets.scan(root)
    with pytest.raises(UsageError, match="layout"):
        datasets.scan(tmp_path, "unknown")


@pytest.mark.parametrize(
    ("rate", "channels", "suffix"), [(8000, 1, "wav"), (48000, 2, "wav"), (44100, 1, "ogg"), (22050, 6, "flac")]
)
def test_any_rate_and_channels_become_16_khz_mono(tmp_path: Path, rate: int, channels: int, suffix: str) -> None:
    pcm = audio_file.read(tone(tmp_path / f"x.{suffix}", 1.0, rate, channels))
    assert pcm.dtype == np.int16
    assert abs(len(pcm) - 16000) <= 2
    middle = pcm[4000:12000].astype(float)
    spectrum = np.abs(np.fft.rfft(middle))
    assert abs(int(spectrum.argmax()) * 2 - 1000) <= 2  # bins of 2 Hz
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.5 / np.sqrt(2) * 32768, rel=0.02)


def test_full_scale_is_clipped_not_wrapped() -> None:
    assert audio_file.to_int16(np.array([1.5, 1.0, -1.0, -2.0, 0.5])).tolist() == [32767, 32767, -32768, -32768, 16384]


def test_short_clips_are_lengthened_to_one_step(tmp_path: Path) -> None:
    tone(tmp_path / "a" / "x.wav", 0.02)
    (clip,) = datasets.load_clips(datasets.scan(tmp_path).recordings, FRONTEND, 8).clips
    assert clip.features is not None
    assert clip.features.shape == (8, 40)


def test_the_data_hash_depends_on_content_not_on_order(tmp_path: Path) -> None:
    tone(tmp_path / "a" / "x.wav", pitch=500)
    tone(tmp_path / "a" / "y.wav", pitch=700)
    clips = datasets.load_clips(datasets.scan(tmp_path).recordings, FRONTEND, 8).clips
    assert datasets.data_hash(clips) == datasets.data_hash(clips[::-1])
    assert datasets.data_hash(clips) != datasets.data_hash(clips[:1])


def test_clips_to_train_on_have_variants_the_same_at_every_load(tmp_path: Path) -> None:
    for i in range(12):
        tone(tmp_path / "bell" / f"{i}.wav", pitch=500.0 + 100 * i)
    files = datasets.scan(tmp_path).recordings
    settings = WaveformAugmentSettings(variants=2)
    make = variant_maker(len(files), FRONTEND, settings, 1, 8)
    one, two = (datasets.load_clips(files, FRONTEND, 8, make_variants=make).clips for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert len(a.variants) == 2
        for x, y in zip(a.variants, b.variants, strict=True):
            assert np.array_equal(x.features, y.features)
    assert all(clip.variants == [] for clip in datasets.load_clips(files, FRONTEND, 8).clips)
    assert variant_maker(len(files), FRONTEND, WaveformAugmentSettings(variants=0), 1, 8) is None
    # A large data set gets fewer: here three quarters of a variant per clip.
    few = variant_maker(len(files), FRONTEND, WaveformAugmentSettings(most_variants=9), 1, 8)
    counts = [len(clip.variants) for clip in datasets.load_clips(files, FRONTEND, 8, make_variants=few).clips]
    assert set(counts) == {0, 1}
