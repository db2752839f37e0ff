"""Barks that are synthesised: their form, and what a trained model of other people hears in them."""

import os
from pathlib import Path

import numpy as np
import pytest
from training_sounds import need

from soundsdk_sim.scenes.dsp import RATE_HZ, rms
from soundsdk_train.distillation.teacher import open_teacher
from soundsdk_train.mixtures.synthetic import dogs
from soundsdk_train.negatives.barks import Dog, bark, barking

SHARED = Path(os.environ.get("SOUNDSDK_DATA", Path(__file__).parents[3] / "shared" / "data")) / "models"


def dog(**changed: float) -> Dog:
    """Return a dog of middle size that barks clearly, with changes."""
    return Dog(**{"pitch_hz": 500.0, "tract_m": 0.15, "length_s": 0.2, "harshness": 0.0, "slope_db_octave": -10.0,
                  "yelps": 0.0, **changed})  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_a_series_is_silent_between_its_barks(seed: int) -> None:
    series = barking(np.random.default_rng(seed), 4.0)
    assert series.spans
    heard = np.zeros(len(series.sound), np.bool_)
    for first, end in series.spans:
        assert 0.05 < (end - first) / RATE_HZ < 0.8
        heard[first:end] = True
    assert len(series.sound) <= 4 * RATE_HZ
    assert np.isclose(rms(series.sound[heard]), 1.0, atol=0.1)  # barks may touch
    assert not series.sound[~heard].any()


def test_the_same_seed_gives_the_same_barks() -> None:
    one, other = (barking(np.random.default_rng(5), 3.0) for _ in range(2))
    assert np.array_equal(one.sound, other.sound)
    assert one.spans == other.spans


@pytest.mark.parametrize("pitch_hz", [250.0, 500.0, 900.0])
def test_a_clear_bark_has_the_pitch_of_its_dog(pitch_hz: float) -> None:
    sound = bark(np.random.default_rng(2), dog(pitch_hz=pitch_hz, length_s=0.3))
    middle = sound[samples_of(0.06) : samples_of(0.2)] * np.hanning(samples_of(0.2) - samples_of(0.06))
    correlation = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    lags = slice(int(RATE_HZ / (1.5 * pitch_hz)), int(RATE_HZ / (0.6 * pitch_hz)) + 1)
    heard_hz = RATE_HZ / (lags.start + int(np.argmax(correlation[lags])))
    assert 0.7 * pitch_hz < heard_hz < 1.15 * pitch_hz  # the top of the contour, which falls


def test_a_harsh_bark_is_less_periodic_than_a_clear_one() -> None:
    def periodicity(harshness: float) -> float:
        found = []
        for seed in range(10):
            sound = bark(np.random.default_rng(seed), dog(harshness=harshness))[samples_of(0.04) : samples_of(0.16)]
            correlation = np.correlate(sound, sound, "full")[len(sound) - 1 :]
            found.append(float(correlation[20:80].max() / correlation[0]))
        return float(np.mean(found))

    assert periodicity(0.0) > periodicity(1.0) + 0.15


def test_most_of_a_bark_lies_below_3_khz() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        power = np.abs(np.fft.rfft(bark(rng, Dog.draw(rng)))) ** 2
        assert power[: len(power) * 3 // 8].sum() > 0.85 * power.sum()


def test_yamnet_hears_a_dog_in_half_of_them() -> None:
    need("tensorflow")
    if not (SHARED / "yamnet.tflite").is_file():
        pytest.skip(f"no yamnet.tflite in {SHARED}: set SOUNDSDK_DATA")
    teacher = open_teacher(SHARED / "yamnet.tflite")
    dog_like = [teacher.names.index(name) for name in ("Dog", "Bark", "Bow-wow")]
    clips = dogs(np.random.default_rng(3), 24)
    heard = [float(teacher.scores(clip).values[:, dog_like].max(initial=0.0)) for clip in clips]
    assert np.mean(np.array(heard) > 0.25) > 0.4, heard


def samples_of(seconds: float) -> int:
    """Return seconds as samples."""
    return round(seconds * RATE_HZ)
