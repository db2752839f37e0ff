"""Features and scenes kept between runs: found again by content, never wrong, never half written."""

from __future__ import annotations

import errno
import multiprocessing
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from training_sounds import need, quick_settings

from soundsdk.cache import CacheError
from soundsdk.errors import DataError
from soundsdk.recording import audio_file
from soundsdk_train import datasets, feature_cache, features, preparation, scene_data
from soundsdk_train.commands.train import train
from soundsdk_train.feature_cache import FeatureStore, StoredFeatures


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "training"


def segment(seed: int, frames: int = 50) -> StoredFeatures:
    return StoredFeatures(np.random.default_rng(seed).integers(-128, 128, (frames, 40)).astype(np.int8), 3, frames)


def test_the_second_run_decodes_nothing_and_gets_the_same(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> list[datasets.LabelledClip]:
        return preparation.load_split(datasets.scan(folders), None, quick_settings(waveform={"variants": 1}))[0]

    first = load()

    def decode(*args: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(audio_file, "read", decode)
    again = load()
    assert len(first) == len(again) == 30
    for a, b in zip(first, again, strict=True):
        assert (a.name, a.labels, a.sha256, a.source) == (b.name, b.labels, b.sha256, b.source)
        np.testing.assert_array_equal(a.features, b.features)
        assert isinstance(b.features.base, np.memmap)
        assert len(a.variants) == len(b.variants) > 0
        for one, two in zip(a.variants, b.variants, strict=True):
            np.testing.assert_array_equal(one.features, two.features)
            assert (one.onset, one.end) == (two.onset, two.end)


def test_other_settings_or_content_are_made_anew(folders: Path, cache: Path) -> None:
    def load(**tables: Any) -> list[datasets.LabelledClip]:
        settings = quick_settings(waveform={"variants": 0}, **tables)
        return preparation.load_split(datasets.scan(folders), 1, settings)[0]

    one, other = load(), load(frontend={"low_hz": 100})
    assert len(list(cache.glob("features-*/values"))) == 2
    assert (one[0].features != other[0].features).any()


def test_a_damaged_entry_is_computed_again(folders: Path, cache: Path) -> None:
    settings = quick_settings(waveform={"variants": 0})
    first, _, _ = preparation.load_split(datasets.scan(folders), None, settings)
    wanted = [np.array(clip.features) for clip in first]
    (values,) = cache.glob("features-*/values")
    data = bytearray(values.read_bytes())
    data[len(data) // 2] ^= 1
    values.write_bytes(data[: len(data) * 3 // 4])
    index = values.with_name("index")
    index.write_text("damaged\n" + index.read_text() + '["ab", 1')
    for _ in range(2):
        again, _, _ = preparation.load_split(datasets.scan(folders), None, settings)
        for clip, want in zip(again, wanted, strict=True):
            np.testing.assert_array_equal(clip.features, want)
    store = FeatureStore(values.parent.name.removeprefix("features-"), 40)
    assert all(store.get(clip.sha256) is not None for clip in again)


def _add(key: str, first: int) -> None:
    for i in range(first, first + 6):
        FeatureStore(key, 40).add([(str(i), [segment(i)])])


def test_two_processes_may_add_at_once() -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_add, args=("k", first)) for first in (0, 4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    store = FeatureStore("k", 40)
    for i in range(10):
        (found,) = store.get(str(i)) or []
        np.testing.assert_array_equal(found.features, segment(i).features)
        assert (found.onset, found.end) == (3, 50)


def test_a_full_disk_is_a_clear_error_and_damages_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureStore("k", 40)
    store.add([("a", [segment(1)])])

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(CacheError, match="No space left on device") as error:
            store.add([("b", [segment(2)])])
        assert "SOUNDSDK_CACHE" in error.value.hint
        patched.setattr(np, "save", full)
        with pytest.raises(CacheError, match="No space left"):
            feature_cache.keep_arrays("s", {"x": np.zeros(3)}, {})
    again = FeatureStore("k", 40)
    assert again.get("b") is None
    assert again.get("a") is not None
    assert feature_cache.read_arrays("s") is None
    again.add([("b", [segment(2)])])
    np.testing.assert_array_equal((again.get("b") or [])[0].features, segment(2).features)


def test_the_stores_used_longest_ago_go_first(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i, key in enumerate(("old", "used", "new")):
        FeatureStore(key, 40).add([("a", [segment(i, 1000)])])
        os.utime(cache / f"features-{key}", (1000 + i, 1000 + i))
    FeatureStore("old", 40)  # now used last
    monkeypatch.setattr(feature_cache, "MOST_BYTES", 90_000)
    feature_cache.prune()
    assert {p.name for p in cache.glob("features-*[a-z]") if p.is_dir()} == {"features-old", "features-new"}


def scene_settings(**scenes: Any) -> Any:
    table = {"count": 4, "seconds": 3.0, "labels": ["smoke_alarm"], "weights": [1.0], **scenes}
    return quick_settings(model={"head": "sigmoid"}, scenes=table)


def test_scenes_are_rendered_once(folders: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = datasets.scan(folders).recordings
    first = scene_data.make_scenes(files, [], scene_settings())
    assert first.labels == ["smoke_alarm"]

    def render(*args: object) -> None:
        raise AssertionError("rendered again")

    with monkeypatch.context() as patched:
        patched.setattr(scene_data, "scene_clips", render)
        again = scene_data.make_scenes(files, [], scene_settings())
        with pytest.raises(AssertionError):
            scene_data.make_scenes(files[1:], [], scene_settings())
        with pytest.raises(AssertionError):
            scene_data.make_scenes(files, [], scene_settings(empty=0.5))
    assert again.sources == first.sources
    for a, b in zip(first.clips, again.clips, strict=True):
        assert (a.name, a.labels, a.sha256, len(b.pcm)) == (b.name, b.labels, b.sha256, 0)
        np.testing.assert_array_equal(a.features, b.features)
        np.testing.assert_array_equal(a.strong, b.strong)
    (kept,) = cache.glob("scenes-*/strong.npy")
    data = bytearray(kept.read_bytes())
    data[-1] ^= 1
    kept.write_bytes(data)
    third = scene_data.make_scenes(files, [], scene_settings())
    np.testing.assert_array_equal(third.clips[-1].strong, first.clips[-1].strong)


def test_statistics_are_exact_and_need_no_memory_per_clip() -> None:
    rng = np.random.default_rng(1)
    clips = [rng.integers(-128, 128, (20 + i, 40)).astype(np.int8) for i in range(5)]
    frames = np.concatenate(clips).astype(np.float64)
    found = features.statistics(clips)
    assert found["mean"] == [round(v) for v in frames.mean(0) * 100]
    assert found["std"] == [round(v) for v in frames.std(0) * 100]
    clip = rng.integers(-128, 128, (312, 40)).astype(np.int8)

    def peak(count: int) -> int:
        tracemalloc.start()
        features.statistics(clip for _ in range(count))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(2000) < peak(2) + 20_000 < 400_000


def test_train_names_the_folder_of_features(folders: Path, cache: Path, tmp_path: Path) -> None:
    need("tensorflow")
    config = tmp_path / "bad.toml"
    config.write_text('[waveform]\nvariants = 0\n[data]\nnegatives = ["noise", "low_tone", "high_tone"]\n')
    args = ["--data", str(folders), "--config", str(config), "-o", str(tmp_path / "x.tflite")]
    result = CliRunner().invoke(train, args)
    assert f"features are kept in {cache}" in result.stderr
    assert isinstance(result.exception, DataError)


def test_a_run_on_scenes_makes_no_variants_of_clips(folders: Path) -> None:
    settings = quick_settings(waveform={"variants": 2}, scenes={"count": 1})
    clips = preparation.load_split(datasets.scan(folders), None, settings)[0]
    assert len(clips) == 30
    assert not any(clip.variants for clip in clips)
