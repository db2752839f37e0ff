"""Variants of a clip: augmented copies as features, made once and kept beside the clip's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes.rooms import to_pcm
from soundsdk_train.features import extract, minimum_samples
from soundsdk_train.run_settings import FrontendSettings, WaveformAugmentSettings
from soundsdk_train.waveform.chain import augment_waveform
from soundsdk_train.waveform.signal import RATE_HZ, fitted


@dataclass
class FeatureVariant:
    """One augmented copy of a clip. features: int8 (frames, width); the recording lies in frames onset to end."""

    features: NDArray[np.int8]
    onset: int
    end: int


VariantMaker = Callable[[NDArray[np.int16]], list[FeatureVariant]]


def variant_maker(
    recordings: int, frontend: FrontendSettings, settings: WaveformAugmentSettings, seed: int, hop_frames: int
) -> partial[list[FeatureVariant]] | None:
    """Return what makes the variants of one of so many recordings; None if there are to be none.

    With more recordings than settings.most_variants allows for, each has fewer, in the end some none. A frontend of
    another rate than 16 kHz, which the effects do not know, gives none.
    """
    if frontend.rate_hz != RATE_HZ or settings.variants == 0:
        return None
    count = min(float(settings.variants), settings.most_variants / max(1, recordings))
    shortest = minimum_samples(frontend, hop_frames)
    return partial(feature_variants, frontend=frontend, settings=settings, seed=seed, shortest=shortest, count=count)


def feature_variants(
    pcm: NDArray[np.int16],
    frontend: FrontendSettings,
    settings: WaveformAugmentSettings,
    seed: int,
    shortest: int = 0,
    count: float | None = None,
) -> list[FeatureVariant]:
    """Return augmented copies of a clip; they depend on its samples, the settings and the seed only.

    shortest: samples that a copy has at least. count: how many, on average over clips; None for settings.variants.
    """
    if not len(pcm):
        return []
    digest = hashlib.sha256(np.ascontiguousarray(pcm).tobytes()).digest()
    key = [seed, int.from_bytes(digest[:8], "little")]
    wanted = settings.variants if count is None else int(count + np.random.default_rng(key).random())
    x = pcm.astype(np.float32) / np.float32(32768.0)
    out = []
    for number in range(wanted):
        made = augment_waveform(np.random.default_rng([*key, number]), x, settings)
        lengthened = fitted(made.samples, max(shortest, len(made.samples)))
        features = extract(to_pcm(lengthened.astype(np.float64)), frontend)
        # A frame counts from where its window's centre lies in the recording.
        first, last = (
            int(np.clip((at - frontend.window // 2) // frontend.hop + 1, 0, len(features)))
            for at in (made.onset, made.end)
        )
        out.append(FeatureVariant(features, first, last))
    return out
