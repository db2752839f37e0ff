"""The fixed-point frontend against a float64 model of the same formula."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import soundcore
from frontend_signals import LEVELS_DB, SETTINGS, SIGNALS, name_of, sounds, to_pcm
from mel_float64 import Settings, features, levels_db, mel_weights
from numpy.typing import NDArray


def fixed(pcm: NDArray[np.int16], s: Settings) -> NDArray[np.int8]:
    """Frames of a new Frontend, shape (frames, width)."""
    frontend = soundcore.Frontend(**asdict(s))
    out = np.zeros((frontend.frames_after(len(pcm)), frontend.width), np.int8)
    assert frontend.push(pcm, out) == len(out)
    return out


def errors(signal: str, level_db: float, s: Settings) -> NDArray[np.float64]:
    """|int8 - float64| of every value. The model does not round: up to half a step of it is the rounding to int8."""
    return np.concatenate([np.abs(fixed(x, s) - features(x, s)).ravel() for x in sounds(signal, level_db, s)])


@pytest.mark.parametrize("level_db", LEVELS_DB)
@pytest.mark.parametrize("signal", SIGNALS)
def test_error_is_at_most_one_step(signal: str, level_db: int) -> None:
    each = {name_of(s): errors(signal, level_db, s) for s in SETTINGS}
    pooled = np.concatenate(list(each.values()))
    assert len(pooled) > 10_000
    assert np.mean(pooled > 1) <= 0.001
    for name, error in each.items():
        # One value may stray where a setting gives only a few dozen, but not far.
        assert np.sum(error > 1) <= max(1, 0.001 * len(error)), name
        assert error.max() < 2, name


@pytest.mark.parametrize("step_mdb", [50, 400, 3000])
def test_error_is_at_most_one_step_at_every_step_size(step_mdb: int) -> None:
    # Small steps span few dB: the range then lies below full scale, where the signals are.
    s = Settings(step_mdb=step_mdb, floor_db=-40 if step_mdb == 50 else -100)
    pooled = np.concatenate([errors(signal, -10, s) for signal in SIGNALS])
    assert np.mean(pooled > 1) <= 0.001
    exact = np.concatenate([features(x, s).ravel() for signal in SIGNALS for x in sounds(signal, -10, s)])
    assert np.mean((exact > -128) & (exact < 127)) > 0.1


@pytest.mark.parametrize("window", [256, 400, 512, 1024])
def test_a_full_scale_sine_at_a_bin_centre_is_zero_db(window: int) -> None:
    fft = 512 if window == 400 else window
    s = Settings(window=window, hop=window, fft=fft, bands=60, low_hz=0, high_hz=8000)
    at = mel_weights(s).argmax(axis=1)[40:]  # the peaks of the wide bands
    for k in at[::4]:
        x = to_pcm(np.cos(2 * np.pi * k * np.arange(4 * window) / fft), 0)
        spectrum = np.fft.rfft(x[:window] * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)), fft)
        peak_db = 20 * np.log10(np.abs(spectrum).max() / (32768 * window / 4))
        assert abs(peak_db) < 0.01
        # The bell of the window spreads over the triangle, so the band itself reads up to 1.8 dB + padding more.
        assert -1.5 < levels_db(x, s).max() < 4.0
        assert abs(int(fixed(x, s).max()) - features(x, s).max()) <= 1


def test_silence_is_the_lowest_value() -> None:
    quiet = np.zeros(4000, np.int16)
    assert (fixed(quiet, Settings()) == -128).all()
    cepstrum = fixed(quiet, Settings(coefficients=13))
    assert (cepstrum[:, 0] == -128).all()
    assert (cepstrum[:, 1:] == 0).all()


@pytest.mark.parametrize("s", SETTINGS, ids=name_of)
def test_six_db_more_are_six_db_more(s: Settings) -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(-2000, 2001, 8 * s.window).astype(np.int16)
    low, high = fixed(x, s).astype(float), fixed(2 * x, s).astype(float)
    expected = 20 * np.log10(2) * 1000 / s.step_mdb
    if s.coefficients:
        assert np.abs(high[:, 1:] - low[:, 1:]).max() <= 1
        expected *= np.sqrt(s.bands)
        low, high = low[:, :1], high[:, :1]
    inside = (high < 127) & (low > -128)
    assert np.abs(high - low - expected)[inside].max(initial=0) <= 1.01
    assert s.coefficients or inside.mean() > 0.5
