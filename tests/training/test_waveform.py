"""Waveform augmentation: each effect does what its name says, and the same seed gives the same samples."""

from __future__ import annotations

import numpy as np
import pytest

from soundsdk_train.run_settings import FrontendSettings, WaveformAugmentSettings
from soundsdk_train.waveform import augment_waveform, feature_variants, through_channel, variant_maker
from soundsdk_train.waveform.bands import equalise, limit_band, microphone, room
from soundsdk_train.waveform.codecs import codec, mu_law, telephone, transform_codec
from soundsdk_train.waveform.levels import automatic_gain, hard_clip, soft_clip
from soundsdk_train.waveform.signal import loud_level
from soundsdk_train.waveform.speed import change_pitch, change_speed, change_tempo
from soundsdk_train.waveform.surroundings import add_floor, mix, place, trimmed

RATE = 16000


def tone(hz: float, seconds: float = 1.5, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def pitch_of(x: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(x * np.hanning(len(x))))) * RATE / len(x))


def band_db(x: np.ndarray, low: float, high: float) -> float:
    power = np.abs(np.fft.rfft(x.astype(np.float64))) ** 2 / len(x) ** 2
    hz = np.fft.rfftfreq(len(x), 1 / RATE)
    return float(10 * np.log10(power[(hz >= low) & (hz < high)].sum() + 1e-20))


def off(**values: object) -> WaveformAugmentSettings:
    """Return settings with every effect off but the given ones."""
    none = dict.fromkeys(
        ("pitched", "placed", "rooms", "mixed", "microphones", "equalised", "band_limited", "gain_controlled", "coded",
         "clipped"),
        0.0,
    )  # fmt: skip
    return WaveformAugmentSettings(**{**none, "speed": 1.0, "silent_floors": 1.0, "level_db": [0.0, 0.0], **values})  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [0.8, 1.25, 1.6])
def test_speed_pitch_and_tempo_change_what_they_name_and_nothing_else(factor: float) -> None:
    x = tone(1000)
    for change, pitch, length in (
        (change_speed, factor, 1 / factor),
        (change_pitch, factor, 1.0),
        (change_tempo, 1.0, 1 / factor),
    ):
        y = change(x, factor)
        assert pitch_of(y) == pytest.approx(1000 * pitch, rel=0.01)
        assert len(y) == pytest.approx(len(x) * length, abs=2)
        assert loud_level(y) == pytest.approx(loud_level(x), rel=0.1)


def test_a_telephone_passes_speech_and_nothing_below_300_or_above_3400_hz() -> None:
    x = np.random.default_rng(1).normal(0, 0.1, 2 * RATE).astype(np.float32)
    y = telephone(x)
    assert len(y) == len(x)
    assert band_db(y, 500, 3000) == pytest.approx(band_db(x, 500, 3000), abs=1)
    assert band_db(y, 4200, 8000) < band_db(x, 4200, 8000) - 25
    assert band_db(y, 0, 150) < band_db(x, 0, 150) - 15


def test_mu_law_has_the_signal_to_noise_ratio_of_g711() -> None:
    for level in (0.5, 0.05, 0.01):  # 30 dB or more over 40 dB of level: that is what companding is for
        x = tone(440, level=level)
        assert 28 < 20 * np.log10(np.std(x) / np.std(mu_law(x) - x)) < 45
    assert np.abs(mu_law(tone(440, level=1.0))).max() <= 1.0


def test_a_transform_codec_is_transparent_at_a_high_rate_and_rings_before_an_attack_at_a_low_one() -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, RATE).astype(np.float32)
    assert np.abs(transform_codec(noise, 90, 8000) - noise).max() < 1e-3
    assert band_db(transform_codec(noise, 10, 4000), 4200, 8000) < band_db(noise, 4200, 8000) - 40
    attack = np.concatenate([np.zeros(RATE // 2, np.float32), noise[: RATE // 2]])
    coded = transform_codec(attack, 6, 8000)
    assert np.abs(coded[: RATE // 2 - 2000]).max() < 1e-6
    assert np.abs(coded[RATE // 2 - 400 : RATE // 2]).max() > 1e-3  # pre-echo


def test_clipping_is_flat_if_hard_and_smooth_if_soft() -> None:
    x = tone(440)
    hard, soft = hard_clip(x, 12), soft_clip(x, 12)
    assert (np.abs(hard) == 1.0).mean() > 0.5
    assert np.abs(soft).max() < 1.0
    assert (np.abs(soft) > 0.99).mean() > 0.1


def test_automatic_gain_turns_loud_down_and_pauses_up() -> None:
    x = np.concatenate([tone(440, 2, 0.9), tone(440, 2, 0.01)])
    y = automatic_gain(x, target_db=-20, most_db=24)
    assert loud_level(y[RATE : 2 * RATE]) == pytest.approx(0.1, rel=0.1)
    assert loud_level(y[-RATE:]) == pytest.approx(0.1, rel=0.15)
    y = automatic_gain(x, target_db=-20, most_db=6)  # 6 dB and no more
    assert loud_level(y[-RATE:]) == pytest.approx(0.01 / np.sqrt(2) * 2, rel=0.05)


def test_a_place_hides_the_start_and_says_where_the_recording_lies() -> None:
    x = tone(440) + 0.2
    cut = 0
    for seed in range(40):
        y, onset, end = place(np.random.default_rng(seed), x, (0.5, 1.0), 0.7)
        assert RATE // 2 <= onset <= RATE
        assert end <= len(y) <= end + 0.7 * RATE + 1
        assert not y[:onset].any()
        assert not y[end:].any()
        assert abs(y[onset]) < 0.02  # fades in
        cut += end - onset < len(x)
    assert 1 <= cut <= 14  # some start amid the sound


def test_mixtures_and_floors_have_the_level_asked_for() -> None:
    rng = np.random.default_rng(3)
    x, other = tone(440), rng.normal(0, 3.0, int(1.5 * RATE))
    added = mix(x, other, 10.0) - x
    assert 20 * np.log10(loud_level(x) / np.std(added)) == pytest.approx(10, abs=0.5)
    floor = add_floor(rng, np.zeros(RATE, np.float32), -90.0)
    assert 20 * np.log10(np.std(floor)) == pytest.approx(-90, abs=0.5)


def test_band_limits_rooms_microphones_and_equalisers_change_the_spectrum_and_keep_the_length() -> None:
    x = np.random.default_rng(4).normal(0, 0.1, RATE).astype(np.float32)
    for effect in (room, microphone, limit_band, codec, lambda rng, x: equalise(rng, x, 9.0)):
        first, again = (effect(np.random.default_rng(5), x) for _ in range(2))
        assert np.array_equal(first, again)
        assert first.dtype == np.float32
        assert len(first) == len(x)
        assert np.abs(first - x).max() > 0.01
    lows, highs = [], []
    for seed in range(30):
        y = limit_band(np.random.default_rng(seed), x)
        lows.append(band_db(x, 20, 60) - band_db(y, 20, 60))
        highs.append(band_db(x, 7500, 8000) - band_db(y, 7500, 8000))
    assert max(lows) > 12
    assert max(highs) > 20
    assert all(low > 3 or high > 1 for low, high in zip(lows, highs, strict=True))


def test_the_same_seed_gives_the_same_samples_and_another_seed_others() -> None:
    x, settings = tone(700), WaveformAugmentSettings()
    one, two, three = (augment_waveform(np.random.default_rng(s), x, settings).samples for s in (1, 1, 2))
    assert np.array_equal(one, two)
    assert len(one) != len(three) or not np.array_equal(one, three)


def test_settings_that_turn_everything_off_leave_the_sound_as_it_is() -> None:
    x = tone(700)
    out = augment_waveform(np.random.default_rng(1), x, off())
    assert np.allclose(out.samples, x, atol=1e-6)
    assert (out.onset, out.end) == (0, len(x))


def test_digital_silence_stays_silent_without_a_floor_and_has_its_level_with_one() -> None:
    silence = np.zeros(RATE, np.float32)
    assert not augment_waveform(np.random.default_rng(1), silence, off()).samples.any()
    with_floor = augment_waveform(np.random.default_rng(1), silence, off(silent_floors=0.0, floor_db=[-90.0, -90.0]))
    assert 20 * np.log10(np.std(with_floor.samples)) == pytest.approx(-90, abs=0.5)


def test_every_draw_is_finite_within_full_scale_and_no_floor_buries_the_sound() -> None:
    x, settings = tone(700, 0.7), WaveformAugmentSettings(mixed=0.0, coded=0.0, level_db=[-40.0, -40.0], clipped=0.0)
    for seed in range(60):
        out = augment_waveform(np.random.default_rng(seed), x, settings)
        assert np.isfinite(out.samples).all()
        assert np.abs(out.samples).max() <= 1.0
        quiet = out.samples[: out.onset]
        if len(quiet) > 1600:
            assert loud_level(out.samples) > 1.8 * loud_level(quiet)
    for n in (0, 1, 100, 1000):
        out = augment_waveform(np.random.default_rng(n), tone(700)[:n], WaveformAugmentSettings())
        assert np.isfinite(out.samples).all()


def test_the_channel_keeps_the_time_of_a_labelled_sound() -> None:
    x = np.concatenate([np.zeros(RATE, np.float32), tone(900, 1.0), np.zeros(RATE, np.float32)])
    settings = WaveformAugmentSettings(mixed=0.0, level_db=[0.0, 0.0], floor_db=[-90.0, -80.0])
    for seed in range(20):
        y = through_channel(np.random.default_rng(seed), x, settings)
        assert len(y) == len(x)
        assert loud_level(y[RATE : 2 * RATE]) > 4 * loud_level(y[: RATE - 1000])


def test_variants_follow_from_the_samples_and_say_in_which_frames_the_recording_lies() -> None:
    pcm = (np.concatenate([tone(900)]) * 32767).astype(np.int16)
    frontend, settings = FrontendSettings(), off(variants=3, placed=1.0, lead_s=[0.5, 0.9])
    one, two, other = (feature_variants(pcm, frontend, settings, seed) for seed in (1, 1, 2))
    assert len(one) == 3
    for a, b, c in zip(one, two, other, strict=True):
        assert np.array_equal(a.features, b.features)
        assert a.features.shape != c.features.shape or not np.array_equal(a.features, c.features)
        assert (a.features[: a.onset - 2] == -128).all()  # before it digital silence
        loud = a.features.max(1) > 0
        assert loud[a.onset + 4 : a.end - 4].all()
        assert not loud[a.end + 2 :].any()
    assert variant_maker(1, FrontendSettings(rate_hz=8000, high_hz=3800), settings, 1, 8) is None
    short = feature_variants(pcm[:500], frontend, off(variants=1, speed=1.2), 1, shortest=4000)
    assert len(short[0].features) == 1 + (4000 - 512) // 256


def test_silence_around_a_sound_is_cut_and_pauses_in_it_are_kept() -> None:
    pause = np.zeros(RATE, np.float32)
    sound = np.concatenate([tone(900), pause, tone(900, level=0.01)])
    x = np.concatenate([pause, sound, 1e-5 * np.ones(2 * RATE, np.float32)])
    assert len(trimmed(x, 45.0)) == pytest.approx(len(sound) + 0.2 * RATE, abs=700)
    assert np.array_equal(trimmed(sound[: RATE // 100], 45.0), sound[: RATE // 100])
    assert np.array_equal(trimmed(pause, 45.0), pause)
    shorter = augment_waveform(np.random.default_rng(1), x, off())
    assert len(shorter.samples) == len(trimmed(x, 45.0))
    assert len(augment_waveform(np.random.default_rng(1), x, off(trim_db=0.0)).samples) == len(x)
