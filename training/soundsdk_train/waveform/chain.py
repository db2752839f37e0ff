"""The chain of effects, in the order in which a sound meets them: source, place, room, microphone, codec, level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soundsdk_sim.scenes.backgrounds import background
from soundsdk_train.run_settings import WaveformAugmentSettings
from soundsdk_train.waveform.bands import equalise, limit_band, microphone, room
from soundsdk_train.waveform.codecs import codec
from soundsdk_train.waveform.levels import clip, gain_control
from soundsdk_train.waveform.signal import Waveform, from_db, loud_level
from soundsdk_train.waveform.speed import change_pitch, change_speed
from soundsdk_train.waveform.surroundings import Backgrounds, add_floor, mix, place, trimmed

_ABOVE_FLOOR_DB = 6.0  # the loud part of a recording stays so far above the floor that is added


@dataclass
class AugmentedWaveform:
    """An augmented recording. onset and end: the samples between which the recording lies."""

    samples: Waveform
    onset: int
    end: int


def augment_waveform(
    rng: np.random.Generator,
    x: Waveform,
    settings: WaveformAugmentSettings,
    backgrounds: Backgrounds = background,
) -> AugmentedWaveform:
    """Return x, float32 mono at 16 kHz, as it might sound elsewhere; its length changes.

    backgrounds: makes n samples of other sound, for mixtures.
    """
    y = np.asarray(x, np.float32)
    if settings.trim_db > 0:
        y = trimmed(y, settings.trim_db)
    widest = np.log(settings.speed)
    y = change_speed(y, float(np.exp(rng.uniform(-widest, widest))))
    if rng.uniform() < settings.pitched:
        widest = np.log(settings.pitch)
        y = change_pitch(y, float(np.exp(rng.uniform(-widest, widest))))
    onset, end = 0, len(y)
    if rng.uniform() < settings.placed:
        y, onset, end = place(rng, y, (settings.lead_s[0], settings.lead_s[1]), settings.tail_s)
    return AugmentedWaveform(through_channel(rng, y, settings, backgrounds), onset, end)


def through_channel(
    rng: np.random.Generator,
    x: Waveform,
    settings: WaveformAugmentSettings,
    backgrounds: Backgrounds = background,
) -> Waveform:
    """Apply the effects that keep the length and the time of every sample, from the room to the converter."""
    y = np.asarray(x, np.float32)
    if not len(y):
        return y
    if rng.uniform() < settings.rooms:
        y = room(rng, y)
    if rng.uniform() < settings.mixed:
        y = mix(y, backgrounds(rng, len(y)), _drawn(rng, settings.mix_snr_db))
    if rng.uniform() < settings.microphones:
        y = microphone(rng, y)
    if rng.uniform() < settings.equalised:
        y = equalise(rng, y, settings.tilt_db)
    if rng.uniform() < settings.band_limited:
        y = limit_band(rng, y)
    if rng.uniform() < settings.gain_controlled:
        y = gain_control(rng, y)
    if rng.uniform() < settings.coded:
        y = codec(rng, y)
    y = (y * from_db(_drawn(rng, settings.level_db))).astype(np.float32)
    if rng.uniform() >= settings.silent_floors:
        floor_db = _drawn(rng, settings.floor_db)
        loud_db = 20 * np.log10(max(loud_level(y), 1e-6))
        y = add_floor(rng, y, min(floor_db, max(loud_db - _ABOVE_FLOOR_DB, settings.floor_db[0])))
    if rng.uniform() < settings.clipped:
        y = clip(rng, y)
    return np.clip(y, -1.0, 1.0)


def _drawn(rng: np.random.Generator, bounds: list[float]) -> float:
    low, high = bounds
    return float(rng.uniform(low, high))
