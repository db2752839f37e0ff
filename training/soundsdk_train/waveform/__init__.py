"""Augmentation of sound before the frontend: what a room, a microphone, a codec and a level do to a recording.

    out = augment_waveform(rng, x, settings)   # x: float32 mono at 16 kHz, full scale 1.0
    out.samples, out.onset, out.end            # float32, and where in it the recording lies
    y = through_channel(rng, x, settings)      # the effects that keep every sample at its time, for labelled scenes
    feature_variants(pcm, frontend, settings, seed)  # settings.variants copies of a clip as int8 features

The same generator state gives the same samples. Effects on features (soundsdk_train.augment) are drawn anew in every
batch; these are too costly for that and are made once, as a few variants of each clip.
"""

from __future__ import annotations

from soundsdk_train.waveform.chain import AugmentedWaveform, augment_waveform, through_channel
from soundsdk_train.waveform.variants import FeatureVariant, VariantMaker, feature_variants, variant_maker

__all__ = [
    "AugmentedWaveform",
    "FeatureVariant",
    "VariantMaker",
    "augment_waveform",
    "feature_variants",
    "through_channel",
    "variant_maker",
]
