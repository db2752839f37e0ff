"""I2S words and pulse-density bits to samples: exact where it can be, else level and noise against the formula."""

from __future__ import annotations

import math
from array import array

import numpy as np
import pytest
import soundcore
from numpy.typing import NDArray

RATE = 16000
BITS = 64 * RATE


def convert(converter: soundcore.I2sUnpacker | soundcore.Pdm, raw: bytes, samples: int) -> NDArray[np.int64]:
    out = array("h", [0] * samples)
    assert converter.convert(raw, out) == samples
    return np.array(out, np.int64)


def tone_level_db(x: NDArray[np.float64], hz: float) -> float:
    """Amplitude of a tone, dB of full scale; x holds whole periods."""
    t = np.arange(len(x)) / RATE
    return 20 * math.log10(2 * abs(np.mean(x * np.exp(-2j * np.pi * hz * t))) / 32768)


# ---- I2sUnpacker


def words(values: NDArray[np.int64], kind: str) -> bytes:
    return values.astype(kind).tobytes()


def test_without_gain_a_slot_gives_its_upper_16_bits() -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.integers(-(1 << 31), 1 << 31, 1000), [-(1 << 31), (1 << 31) - 1, 0, -1, 65535]])
    for bits in (24, 32):
        assert (convert(soundcore.I2sUnpacker(bits=bits), words(x, "<i4"), len(x)) == x >> 16).all()
    y = x >> 16
    assert (convert(soundcore.I2sUnpacker(bits=16), words(y, "<i2"), len(y)) == y).all()
    adc = rng.integers(0, 4096, 1000)
    assert (convert(soundcore.I2sUnpacker(bits=12), words(adc, "<u2"), 1000) == (adc - 2048) * 16).all()


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("bits", [16, 32])
def test_one_channel_of_two_is_taken(bits: int, channel: int) -> None:
    x = np.random.default_rng(2).integers(-32768, 32768, (500, 2))
    raw = words(x, "<i2") if bits == 16 else words(x << 16, "<i4")
    out = convert(soundcore.I2sUnpacker(bits=bits, channels=2, channel=channel), raw, 500)
    assert (out == x[:, channel]).all()


@pytest.mark.parametrize("shift", range(9))
def test_gain_keeps_the_bits_that_it_brings_up_and_saturates(shift: int) -> None:
    x = np.random.default_rng(shift).integers(-(1 << 31), 1 << 31, 1000) >> np.arange(1000) % 20
    out = convert(soundcore.I2sUnpacker(shift=shift), words(x, "<i4"), 1000)
    assert (out == np.clip((x >> 12 << shift) >> 4, -32768, 32767)).all()
    assert {-32768, 32767} <= set(out) or shift == 0


def test_bytes_at_any_address_and_in_any_pieces_give_the_same() -> None:
    x = np.random.default_rng(3).integers(-(1 << 31), 1 << 31, 64)
    raw = words(x, "<i4")
    whole = convert(soundcore.I2sUnpacker(dc_shift=5), raw, 64)
    shifted = memoryview(b"?" + raw)[1:]
    assert (convert(soundcore.I2sUnpacker(dc_shift=5), shifted, 64) == whole).all()  # type: ignore[arg-type]
    s = soundcore.I2sUnpacker(dc_shift=5)
    assert np.concatenate([convert(s, raw[4 * i : 4 * i + 4], 1) for i in range(64)]).tolist() == whole.tolist()
    s.reset()
    assert (convert(s, raw, 64) == whole).all()


@pytest.mark.parametrize("dc_shift", range(4, 12))
def test_the_high_pass_takes_dc_away_and_loses_3_db_at_its_corner(dc_shift: int) -> None:
    corner_hz = RATE / (2 * math.pi * 2**dc_shift)
    settle = 16 << dc_shift
    periods = 20
    n = round(RATE / corner_hz * periods)
    t = np.arange(settle + n) / RATE
    tone = 0.4 * np.sin(2 * np.pi * periods * RATE / n * t)
    x = np.round((tone + 0.3) * 2**31).astype(np.int64)
    out = convert(soundcore.I2sUnpacker(dc_shift=dc_shift), words(x, "<i4"), len(x))[settle:]
    assert abs(np.mean(out)) <= 1
    level = tone_level_db(out.astype(float), periods * RATE / n) - 20 * math.log10(0.4)
    assert level == pytest.approx(-3.01, abs=0.3)


def test_full_scale_dc_does_not_overflow() -> None:
    for value in (-(1 << 31), (1 << 31) - 1):
        x = np.full(200000, value)
        out = convert(soundcore.I2sUnpacker(dc_shift=11, shift=8), words(x, "<i4"), len(x))
        assert out[0] == (-32768 if value < 0 else 32767)
        assert abs(out[-1]) <= 16


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"bits": 8}, "i2s.bits"),
        ({"shift": -1}, "gain.shift"),
        ({"shift": 9}, "gain.shift"),
        ({"channels": 3}, "i2s.channel"),
        ({"channel": 1}, "i2s.channel"),
        ({"dc_shift": 3}, "gain.dc"),
        ({"dc_shift": 12}, "gain.dc"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, int], code: str) -> None:
    with pytest.raises(soundcore.Error) as e:
        soundcore.I2sUnpacker(**settings)
    assert e.value.args[0] == code


def test_wrong_buffers_are_refused() -> None:
    s, p = soundcore.I2sUnpacker(), soundcore.Pdm()
    with pytest.raises(soundcore.Error, match="fewer samples"):
        s.convert(bytes(8), array("h", [0]))
    with pytest.raises(soundcore.Error, match="fewer samples"):
        p.convert(bytes(16), array("h", [0]))
    for converter, raw in ((s, bytes(6)), (p, bytes(12))):
        with pytest.raises(ValueError, match="middle"):
            converter.convert(raw, array("h", [0] * 9))
    for converter in (s, p):
        with pytest.raises(TypeError):
            converter.convert(bytes(8), bytearray(8))
        with pytest.raises(TypeError):
            converter.convert(array("h", [0] * 4), array("h", [0] * 4))  # type: ignore[arg-type]


# ---- pulse density


def modulated(x: NDArray[np.float64]) -> bytes:
    """Modulate to second order (sigma-delta) with a one-bit quantizer: two delaying integrators, gains 1/2 and 2.

    B. E. Boser and B. A. Wooley, "The design of sigma-delta modulation analog-to-digital converters", 1988.
    """
    first = second = 0.0
    bits = np.empty(len(x), np.uint8)
    for i, u in enumerate(x.tolist()):
        y = 1.0 if second >= 0 else -1.0
        bits[i] = y > 0
        second += 0.5 * (first - y)
        first += 0.5 * (u - y)
    return words(np.packbits(bits).view(">u4").astype(np.int64), "<u4")


def sine(hz: float, amplitude: float, seconds: float) -> NDArray[np.float64]:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(BITS * seconds)) / BITS)


@pytest.mark.parametrize("value", [0x00, 0xFF, 0x55])
def test_a_constant_density_is_its_level(value: int) -> None:
    out = convert(soundcore.Pdm(), bytes([value]) * 8 * 200, 200)
    expected = {0x00: -32768, 0xFF: 32767, 0x55: 0}[value]
    assert abs(out[100:] - expected).max() <= 20


def test_bits_are_taken_in_order_through_the_filters_of_the_formula() -> None:
    rng = np.random.default_rng(4)
    raw = rng.bytes(8 * 300)
    bits = np.unpackbits(np.frombuffer(raw, "<u4").astype(">u4").view(np.uint8)) * 2.0 - 1
    box = np.ones(32) / 32
    cic = np.convolve(np.convolve(box, box), np.convolve(box, box))
    at_32k = np.concatenate([np.zeros(200), bits])
    at_32k = np.convolve(at_32k, cic)[200 + 31 : 200 + 31 + len(bits) : 32]
    half = np.array([
        -8, 7, 33, 1, -66, -14, 113, 39, -179, -80, 267, 144, -381, -238, 529, 375, -719, -577, 970, 880, -1314, -1372,
        1829, 2286, -2714, -4567, 4557, 16591,
    ])  # fmt: skip
    taps = np.concatenate([half, half[::-1]]) / 32768
    expected = np.convolve(at_32k, taps)[1 : 2 * 300 : 2] * 32768
    out = convert(soundcore.Pdm(), raw, 300)
    # What was before the first bit is half of all bits here, and nothing there.
    assert abs(out[40:] - expected[40:]).max() <= 4
    # In any pieces.
    p = soundcore.Pdm()
    assert np.concatenate([convert(p, raw[8 * i : 8 * i + 8], 1) for i in range(300)]).tolist() == out.tolist()
    p.reset()
    assert (convert(p, raw, 300) == out).all()


def test_a_modulated_sine_comes_out_with_60_db_of_snr() -> None:
    hz, amplitude, seconds = 1000.0, 0.5, 1.0
    out = convert(soundcore.Pdm(), modulated(sine(hz, amplitude, seconds)), RATE).astype(float)[RATE // 2 :]
    spectrum = np.abs(np.fft.rfft(out * np.blackman(len(out)))) ** 2
    freq = np.fft.rfftfreq(len(out), 1 / RATE)
    signal = abs(freq - hz) < 20
    band = (freq > 60) & (freq < 7000) & ~signal
    snr_db = 10 * math.log10(spectrum[signal].sum() / spectrum[band].sum())
    assert snr_db >= 60
    assert tone_level_db(out, hz) == pytest.approx(20 * math.log10(amplitude), abs=0.1)


@pytest.mark.parametrize("hz", [60, 200, 1000, 3000, 5000, 6000, 7000])
def test_the_level_does_not_depend_on_the_frequency(hz: float) -> None:
    out = convert(soundcore.Pdm(dc_shift=9), modulated(sine(hz, 0.4, 0.4)), round(0.4 * RATE)).astype(float)
    assert tone_level_db(out[-round(0.2 * RATE) :], hz) == pytest.approx(20 * math.log10(0.4), abs=0.3)


@pytest.mark.parametrize("hz", [9000, 12000, 20000, 25000, 31000, 39000])
def test_what_lies_above_the_band_does_not_fold_back(hz: float) -> None:
    out = convert(soundcore.Pdm(), modulated(sine(hz, 0.4, 0.2)), round(0.2 * RATE)).astype(float)[RATE // 10 :]
    out -= out.mean()
    level_db = 20 * math.log10(np.sqrt(2 * np.mean(out**2)) / 32768 / 0.4)
    # 25 kHz folds to 7 kHz and is held back by the CIC alone.
    assert level_db < -40


def test_gain_and_dc_are_those_of_the_unpacker() -> None:
    raw = modulated(sine(500, 0.2, 0.1) + 0.1)
    plain = convert(soundcore.Pdm(), raw, 1600)
    loud = convert(soundcore.Pdm(shift=2), raw, 1600)
    assert (abs(loud - np.clip(4 * plain, -32768, 32767)) <= 4).all()
    assert loud.max() == 32767
    level = convert(soundcore.Pdm(dc_shift=6), raw, 1600)[-320:]
    assert abs(level.mean()) < 40 < 3000 < plain[-320:].mean()
