"""Frontend as Python sees it: any pieces, buffers of all kinds, errors with their codes, golden vectors."""

from __future__ import annotations

import json
import sys
from array import array
from pathlib import Path

import numpy as np
import pytest
import soundcore
from numpy.typing import NDArray

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from frontend_pcm import pcm as vector_pcm  # noqa: E402

CASES = json.loads((VECTORS / "frontend.json").read_text())


def noise(samples: int, seed: int) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-20000, 20001, samples).astype(np.int16)


def whole(x: NDArray[np.int16], **settings: int) -> NDArray[np.int8]:
    frontend = soundcore.Frontend(**settings)
    out = np.zeros((frontend.frames_after(len(x)), frontend.width), np.int8)
    assert frontend.push(x, out) == len(out)
    return out


def test_vectors_are_of_this_version() -> None:
    assert CASES["frontend_version"] == soundcore.FRONTEND_VERSION == soundcore.Frontend.VERSION


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda c: str(c["settings"]))
def test_golden_vectors(case: dict[str, object]) -> None:
    settings, samples, features = case["settings"], case["samples"], case["features"]
    assert isinstance(settings, dict)
    assert isinstance(samples, int)
    assert isinstance(features, str)
    got = whole(np.array(vector_pcm(samples), np.int16), **settings)
    assert got.tobytes() == bytes.fromhex(features)
    assert len(np.unique(got)) > 20


@pytest.mark.parametrize("seed", range(12))
def test_random_pieces_give_the_same_frames(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fft = int(rng.choice([256, 512, 1024]))
    window = int(rng.integers(256, fft + 1))
    settings = {
        "window": window,
        "hop": int(rng.integers(64, window + 1)),
        "fft": fft,
        "bands": int(rng.integers(1, 129)),
        "coefficients": 1 if seed % 3 == 0 else 0,
    }
    x = noise(20 * window, seed)
    expected = whole(x, **settings)
    frontend = soundcore.Frontend(**settings)
    for attempt in range(2):  # the second time after reset, from the middle of a frame
        frames = np.zeros((len(expected) + 1, frontend.width), np.int8)
        at = made = 0
        while at < len(x):
            piece = x[at : at + int(rng.choice([1, 2, 17, 64, 255, 256, 1000, 5000]))]
            room = frontend.frames_after(len(piece))
            count = frontend.push(piece, frames[made : made + room])
            assert count == room, f"seed {seed}, attempt {attempt}"
            made += count
            at += len(piece)
        assert made == len(expected)
        assert (frames[:made] == expected).all(), f"seed {seed}, attempt {attempt}"
        frontend.push(x[:100], frames)
        frontend.reset()


def test_one_sample_at_a_time() -> None:
    x = noise(2000, 5)
    expected = whole(x)
    frontend = soundcore.Frontend()
    out = np.zeros((1, 40), np.int8)
    frames = [out.copy() for i in range(len(x)) if frontend.push(x[i : i + 1], out)]
    assert (np.concatenate(frames) == expected).all()


def test_objects_do_not_share_anything() -> None:
    x, y = noise(4096, 6), noise(4096, 7)
    a, b = soundcore.Frontend(), soundcore.Frontend(bands=20)
    out_a = np.zeros((a.frames_after(4096), 40), np.int8)
    out_b = np.zeros((b.frames_after(4096), 20), np.int8)
    made_a = made_b = 0
    for at in range(0, 4096, 128):
        made_a += a.push(x[at : at + 128], out_a[made_a:])
        made_b += b.push(y[at : at + 128], out_b[made_b:])
    assert (out_a == whole(x)).all()
    assert (out_b == whole(y, bands=20)).all()


def test_any_buffer_of_samples_will_do() -> None:
    x = noise(1024, 8)
    expected = whole(x).tobytes()
    for pcm in (x.tobytes(), bytearray(x.tobytes()), array("h", x.tolist()), memoryview(x)):
        frontend = soundcore.Frontend()
        out = bytearray(3 * 40)
        assert frontend.push(pcm, out) == 3
        assert out == expected


def test_frames_after_counts_from_where_it_stands() -> None:
    frontend = soundcore.Frontend(window=400, hop=160)
    out = bytearray(40 * 100)
    assert [frontend.frames_after(n) for n in (0, 399, 400, 559, 560)] == [0, 0, 1, 1, 2]
    assert frontend.push(noise(399, 1), out) == 0
    assert frontend.frames_after(0) == 0
    assert frontend.frames_after(1) == 1
    assert frontend.push(noise(1, 1), out) == 1
    assert [frontend.frames_after(n) for n in (159, 160, 320)] == [0, 1, 2]


def test_too_little_room_takes_nothing() -> None:
    x = noise(1024, 9)
    frontend = soundcore.Frontend()
    with pytest.raises(soundcore.Error) as error:
        frontend.push(x, bytearray(3 * 40 - 1))
    assert error.value.args[0] == "frontend.room"
    assert frontend.frames_after(511) == 0
    out = bytearray(3 * 40)
    assert frontend.push(x, out) == 3
    assert out == whole(x).tobytes()


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("frontend.rate", {"rate_hz": 3999}),
        ("frontend.window", {"window": 255}),
        ("frontend.window", {"window": 513}),
        ("frontend.hop", {"hop": 63}),
        ("frontend.hop", {"hop": 513}),
        ("frontend.fft", {"fft": 768}),
        ("frontend.bands", {"bands": 129}),
        ("frontend.range", {"low_hz": 7600}),
        ("frontend.range", {"high_hz": 8001}),
        ("frontend.range", {"low_hz": -1}),
        ("frontend.mfcc", {"coefficients": 41}),
        ("frontend.mfcc", {"bands": 12, "coefficients": 13}),
        ("frontend.scale", {"floor_db": 1}),
        ("frontend.scale", {"step_mdb": 49}),
    ],
)
def test_bad_settings_are_refused_with_their_code(code: str, settings: dict[str, int]) -> None:
    with pytest.raises(soundcore.Error) as error:
        soundcore.Frontend(**settings)
    assert error.value.args[0] == code
    assert isinstance(error.value, ValueError)


def test_default_settings_fit_six_kilobytes() -> None:
    assert soundcore.Frontend().size <= 6144
    assert soundcore.Frontend().width == 40
    assert soundcore.Frontend(coefficients=13).width == 13
