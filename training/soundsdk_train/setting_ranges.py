"""The ranges of all numbers among the settings of a training, checked before any work begins.

A number that is not one (NaN) lies in no range. The frontend's numbers are checked by soundcore itself, and the
detector's by the firmware's own ranges.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from soundfw.settings import POOL, THRESHOLDS
from soundsdk.errors import UsageError

MOST_COUNT = 10_000_000
_SHARE = (0.0, 1.0)
_BELOW_1 = (0.0, 0.999999)
_DB = (0.0, 120.0)
_LEVELS = (-160.0, 60.0)  # dBFS or SNR
_FACTOR = (1.0, 4.0)
_COUNT = (0, MOST_COUNT)
_AT_LEAST_ONE = (1, MOST_COUNT)

# Table: key: (lowest, highest). Of a list: of each number in it.
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "": {"seed": (0, 2**32 - 1)},
    "model": {
        "stem_filters": (1, 1024), "stem_kernel": (1, 64), "stem_stride": (1, 16), "blocks": (1, 1024),
        "block_kernel": (1, 64), "gru_units": (1, 1024), "dropout": (0.0, 0.95),
    },
    "augment": {
        "stretch": _FACTOR, "mel_shift": (0.0, 64.0), "gain_db": _DB, "tilt_db": _DB, "colour_db": _DB,
        "noise_db": _LEVELS, "noise_tilt_db": _DB, "mixup": _SHARE, "mixup_level_db": _DB, "time_masks": (0, 100),
        "time_mask_frames": (0, 100_000), "band_masks": (0, 100), "band_mask_bands": (0, 128), "noiseless": _SHARE,
    },
    "waveform": {
        "variants": (0, 1000), "most_variants": _COUNT, "speed": _FACTOR, "pitched": _SHARE, "pitch": _FACTOR,
        "trim_db": _DB, "placed": _SHARE, "lead_s": (0.0, 60.0), "tail_s": (0.0, 60.0), "rooms": _SHARE,
        "mixed": _SHARE, "mix_snr_db": _LEVELS, "microphones": _SHARE, "equalised": _SHARE, "tilt_db": _DB,
        "band_limited": _SHARE, "gain_controlled": _SHARE, "coded": _SHARE, "level_db": _LEVELS,
        "silent_floors": _SHARE, "floor_db": _LEVELS, "clipped": _SHARE,
    },
    "negatives": {"share": _BELOW_1, "generated": _COUNT},
    "pretrained": {
        "head_steps": _COUNT, "head_rate": (1e-8, 1.0), "tuned_steps": _COUNT, "tuned_rate": (1e-8, 1.0),
        "negatives": _BELOW_1, "hard_share": _SHARE, "hard_times": (1, 1000), "event_weight": (0.0, 1000.0),
        "strangers": (0, 100_000),
    },
    "train": {
        "epochs": _AT_LEAST_ONE, "batch": (1, 65536), "window_frames": (1, 1_000_000), "learning_rate": (1e-8, 1.0),
        "warmup_epochs": _COUNT, "weight_decay": _SHARE, "label_smoothing": (0.0, 0.9), "average": _BELOW_1,
        "clip_norm": (0.0, 1e6), "strong_weight": (0.0, 1000.0), "clip_weight": (0.0, 1000.0),
        "event_weight": (0.0, 1000.0), "event_ms": (1, 60_000), "quiet_db": _DB, "focal_gamma": (0.0, 20.0),
        "asymmetric_gamma": (0.0, 20.0), "asymmetric_margin": _BELOW_1, "validation": (0.0, 0.9),
    },
    "teacher": {
        "count": (0, 100), "width": (0.1, 32.0), "epochs": _AT_LEAST_ONE, "dropout": (0.0, 0.95), "weight": _SHARE,
        "temperature": (0.01, 100.0),
    },
    "teacher_file": {
        "rate_hz": (4000, 192_000), "window_s": (0.01, 60.0), "hop_s": (0.01, 10.0), "sure_at": (0.01, 1.0),
        "delay_s": (0.0, 5.0), "weight": _SHARE, "unlabelled": _COUNT,
    },
    "quantize": {"clips_per_class": (1, 10_000)},
    "detector": {key: (low, high) for key, _, low, high in (*THRESHOLDS, POOL)},
    "calibration": {"max_fa_per_hour": (1e-6, 1e6), "generated_s": (0.0, 1e6)},
    "scenes": {
        "count": _COUNT, "validation": (0, 10_000), "seconds": (0.5, 600.0), "weights": (0.0, 1e6), "empty": _SHARE,
        "snr_db": _LEVELS, "front": (0.0, 1e6),
    },
}  # fmt: skip

# Numbers in a list, where a setting has a certain number of them; with two of them, whether they must rise.
_LENGTHS = {
    "model.stem_kernel": (2, False), "model.stem_stride": (2, False), "model.block_kernel": (2, False),
    "augment.noise_db": (2, True), "waveform.lead_s": (2, True), "waveform.mix_snr_db": (2, True),
    "waveform.level_db": (2, True), "waveform.floor_db": (2, True), "train.asymmetric_gamma": (2, False),
    "scenes.snr_db": (2, True),
}  # fmt: skip


def check_numbers(settings: Any) -> None:
    """Raise UsageError for the first number of a run's settings that lies outside its range, with the range."""
    for table, ranges in RANGES.items():
        holder = getattr(settings, table) if table else settings
        for key, (low, high) in ranges.items():
            name = f"{table}.{key}" if table else key
            value = getattr(holder, key)
            for number in _numbers(value):
                if not low <= number <= high:
                    raise UsageError(f"{name} is {number}.", f"Use {low:.10g} to {high:.10g}.")
            length, rising = _LENGTHS.get(name, (None, False))
            if length is not None and len(value) != length:
                raise UsageError(f"{name} holds {len(value)} numbers, not {length}.", "Correct the list.")
            if rising and value[0] > value[1]:
                raise UsageError(f"{name} goes from {value[0]:g} to {value[1]:g}.", "Write the lower number first.")
    if not settings.model.blocks or any(len(block) != 3 for block in settings.model.blocks):
        raise UsageError("model.blocks lists filters, time stride and band stride.", "Write it as [[32, 2, 2]].")
    if settings.detector.off > settings.detector.on:
        raise UsageError(
            f"detector.off is {settings.detector.off}, above detector.on, {settings.detector.on}: an event could not "
            "begin.",
            "Give off a lower number than on, such as two thirds of it.",
        )


def check_frontend(frontend: Any) -> None:
    """Raise UsageError, with the range, if the frontend cannot be made."""
    import soundcore

    values = dataclasses.asdict(frontend)
    try:
        soundcore.Frontend(**values)
    except soundcore.Error as error:
        code, detail = error.args
        raise UsageError(f"the settings of [frontend] cannot be used: {detail} ({code}).", "Correct them.") from error
    except (OverflowError, TypeError) as error:
        raise UsageError("a number of [frontend] is too large.", "Correct it.") from error


def _numbers(value: Any) -> Iterator[float]:
    """Yield the numbers of a setting: one, or those of a list, a list of lists, or a table."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    else:
        yield value
