"""Variants of a clip: augmented copies as features, made once and kept beside the clip's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes.rooms import to_pcm
from soundsdk_train.features import extract
from soundsdk_train.run_settings import FrontendSettings, WaveformAugmentSettings
from soundsdk_train.waveform.chain import augment_waveform
from soundsdk_train.waveform.signal import RATE_HZ, fitted


@dataclass
class FeatureVariant:
    """One augmented copy of a clip. features: int8 (frames, width); the recording lies in frames onset to end."""

    features: NDArray[np.int8]
    onset: int
    end: int


def feature_variants(
    pcm: NDArray[np.int16],
    frontend: FrontendSettings,
    settings: WaveformAugmentSettings,
    seed: int,
    shortest: int = 0,
) -> list[FeatureVariant]:
    """Return settings.variants augmented copies of a clip; they depend on its samples, the settings and the seed only.

    shortest: samples that a copy has at least. A frontend of another rate than 16 kHz, which the effects do not know,
    gives none.
    """
    if frontend.rate_hz != RATE_HZ or not len(pcm):
        return []
    digest = hashlib.sha256(np.ascontiguousarray(pcm).tobytes()).digest()
    x = pcm.astype(np.float32) / np.float32(32768.0)
    out = []
    for number in range(settings.variants):
        rng = np.random.default_rng([seed, number, int.from_bytes(digest[:8], "little")])
        made = augment_waveform(rng, x, settings)
        lengthened = fitted(made.samples, max(shortest, len(made.samples)))
        features = extract(to_pcm(lengthened.astype(np.float64)), frontend)
        # A frame counts from where its window's centre lies in the recording.
        first, last = (
            int(np.clip((at - frontend.window // 2) // frontend.hop + 1, 0, len(features)))
            for at in (made.onset, made.end)
        )
        out.append(FeatureVariant(features, first, last))
    return out
