"""The small parts: sound level, microphone ring, settings, store, health."""

from __future__ import annotations

import hashlib
import json
import sys
import types
from array import array
from pathlib import Path

import numpy as np
import pytest
from fake_stream import Source

from soundfw import FirmwareError, health, settings
from soundfw.detect.level import SILENCE, Level
from soundfw.mic import microphone
from soundfw.storage import store
from soundsdk.build import region


def level_of(pcm: np.ndarray, block: int = 256) -> int:
    level = Level()
    samples = array("h", pcm.astype(np.int16).tobytes())
    for at in range(0, len(samples), block):
        level.add(memoryview(samples)[at : at + block])
    return level.read()


@pytest.mark.parametrize("hz", [100, 440, 941.18, 1000, 2000, 3100, 7900])
@pytest.mark.parametrize("dbfs", [0, -20, -50])
def test_level_of_a_tone(hz: float, dbfs: float) -> None:
    tone = 32767 * 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * np.arange(160000) / 16000)
    assert abs(level_of(np.round(tone)) - 10 * dbfs) <= 4


def test_level_of_noise_silence_and_full_scale() -> None:
    rng = np.random.default_rng(1)
    assert abs(level_of(np.round(rng.normal(0, 100, 160000))) - 10 * 20 * np.log10(100 * 2**0.5 / 32768)) <= 4
    assert level_of(np.zeros(16000)) == SILENCE
    assert abs(level_of(np.full(160000, -32768)) - 30) <= 1
    assert level_of(np.full(160000, 1)) == pytest.approx(-873, abs=2)


def test_level_does_not_depend_on_the_blocks_and_restarts_after_a_read() -> None:
    pcm = np.random.default_rng(2).normal(0, 1000, 20000)
    assert level_of(pcm, 256) == level_of(pcm, 2048) == level_of(pcm, 100) == level_of(pcm, 20000)
    level = Level()
    level.add(array("h", [1000] * 5000))
    level.read()
    assert level.read() == SILENCE


def samples(n: int) -> array[int]:
    return array("h", [i % 30000 for i in range(n)])


@pytest.mark.parametrize("most", [1 << 30, 256, 100, 7])
@pytest.mark.parametrize("pause", [0, 3])
def test_every_sample_of_a_source_comes_through_in_order(most: int, pause: int) -> None:
    pcm = samples(1000)
    m = microphone.Mic(Source(pcm, most, pause), 256)
    heard = array("h")
    while not m.ended:
        if (block := m.read()) is not None:
            assert m.start == len(heard)
            heard.extend(block)
    assert heard == pcm
    assert (m.captured, m.lost) == (1000, 0)
    assert m.ended


def test_a_source_may_ask_for_smaller_blocks() -> None:
    class Fitting(Source):
        def fitting(self, samples: int) -> int:
            return samples // 64 * 64

    m = microphone.Mic(Fitting(samples(1000)), 300)
    assert m.block_samples == 256
    block = m.read()
    assert block is not None
    assert len(block) == 256


def test_what_the_source_lost_moves_the_position() -> None:
    source = Source(samples(1024))
    m = microphone.Mic(source, 256)
    m.read()
    assert m.start == 0
    source.lost = 100
    m.read()
    assert m.start == 356
    assert m.lost == 100


def test_settings_have_defaults_and_refuse_what_they_do_not_know(tmp_path: Path) -> None:
    s = settings.load(str(tmp_path / "none.json"))
    assert (s.board, s.status_s, s.block_samples, s.mic) == ("unknown", 10, 512, {})
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"board": "rpi_pico", "status_s": 5, "mic": {"kind": "i2s"}}))
    s = settings.load(str(file))
    assert (s.board, s.status_s, s.mic) == ("rpi_pico", 5, {"kind": "i2s"})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "settings.json"),
        ("[]", "settings.json"),
        ('{"bord":"x"}', "settings.key"),
        ('{"board":5}', "settings.value"),
        ('{"board":""}', "settings.value"),
        ('{"status_s":0}', "settings.value"),
        ('{"status_s":true}', "settings.value"),
        ('{"block_samples":1000000}', "settings.value"),
        ('{"queue_lines":1.5}', "settings.value"),
        ('{"mic":1}', "settings.mic"),
    ],
)
def test_bad_settings_are_refused_with_a_code(tmp_path: Path, text: str, code: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text)
    with pytest.raises(FirmwareError) as e:
        settings.load(str(file))
    assert e.value.args[0] == code


def test_store_gives_bytes_and_their_hash(tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(b"model")
    assert store.load(str(file)) == b"model"
    assert store.sha256(b"model") == hashlib.sha256(b"model").hexdigest()
    with pytest.raises(FirmwareError) as e:
        store.load(str(tmp_path / "none"))
    assert e.value.args[0] == "store.missing"


def test_stopwatch_shows_the_longest_time_once() -> None:
    times = iter([0, 5, 10, 30, 40, 47])
    watch = health.Stopwatch(lambda: next(times), lambda a, b: a - b)
    for _ in range(3):
        watch.start()
        watch.stop()
    assert (watch.read(), watch.read()) == (20, 0)
    assert health.Stopwatch().read() == 0


def test_an_unknown_microphone_is_refused() -> None:
    with pytest.raises(FirmwareError) as e:
        microphone.open_source({"kind": "telephone"}, 16000)
    assert e.value.args[0] == "mic.kind"


def test_the_image_knows_its_board_and_the_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.json"
    assert settings.load(str(file)).board == "unknown"
    image = types.ModuleType("soundboard")
    image.SETTINGS = {"board": "rpi_pico", "mic": {"kind": "i2s"}}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "soundboard", image)
    assert settings.load(str(file)).mic == {"kind": "i2s"}
    file.write_text('{"board": "mine", "status_s": 5}')
    loaded = settings.load(str(file))
    assert (loaded.board, loaded.status_s, loaded.mic) == ("mine", 5, {"kind": "i2s"})
    assert image.SETTINGS["board"] == "rpi_pico"


def test_a_model_file_comes_before_the_one_in_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = types.ModuleType("soundmodel")
    held = region.fill(region.empty("rpi_pico", "0.1.0", 4096), "x", b"in flash").ljust(4096, b"\xff")
    image.region = lambda: held  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "soundmodel", image)
    file = tmp_path / "detector.tflite"
    for held_bytes in (b"in flash", b"pushed"):
        assert store.load(str(file)) == held_bytes
        assert store.load_hashed(str(file)) == (held_bytes, hashlib.sha256(held_bytes).hexdigest())
        file.write_bytes(b"pushed")
