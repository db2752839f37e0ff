"""Augmentation of log-mel features: the effects of a real place on a sound, applied to int8 frames in memory.

It works on a bank of clips, which stay where they are, often in a memory-mapped file. Sounds add in power:
features are turned to power (10^(dB/10)), mixed there, and quantised again as the device's frontend does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import FEATURE_SCALE
from soundsdk_train.frame_targets import mixed_targets, step_targets
from soundsdk_train.run_settings import AugmentSettings, FrontendSettings, TrainSettings

F32 = NDArray[np.float32]

_LEAST_POWER = 1e-30
_NO_NOISE_DB = -200.0


@dataclass
class Batch:
    """One training batch. features are real values (int8 * FEATURE_SCALE), as the model sees them."""

    features: F32  # (batch, frames, width)
    labels: F32  # (batch, classes), clip level, may be fractional; -1 where unknown
    strong: F32  # (batch, steps, classes), zeros where there are none, -1 where unknown
    has_strong: F32  # (batch,), 1 where strong holds


class ClipRows:
    """The rows of many clips, each array kept as it was given; None stands for zeros."""

    def __init__(self, clips: Sequence[NDArray[Any] | None], lengths: NDArray[np.int64]) -> None:
        # A view of numpy's own class is read faster than a memmap, and keeps the file mapped.
        self._clips = [None if clip is None else np.asarray(clip) for clip in clips]
        self._lengths = lengths
        self._like = next(clip for clip in self._clips if clip is not None)[:0]

    def of(self, clip: int) -> NDArray[Any]:
        """Return the rows of one clip."""
        rows = self._clips[clip]
        return np.zeros((self._lengths[clip], *self._like.shape[1:]), self._like.dtype) if rows is None else rows

    def of_clips(self, order: NDArray[np.int64]) -> ClipRows:
        """Return the rows of clips in an order, in which one may be several times; nothing is copied."""
        return ClipRows([self._clips[clip] for clip in order.tolist()], self._lengths[order])

    def take(self, chosen: NDArray[np.int64], index: NDArray[np.int64]) -> NDArray[Any]:
        """Return rows of the chosen clips, each with its own line of the index (clips, rows)."""
        out = np.zeros((*index.shape, *self._like.shape[1:]), self._like.dtype)
        for line, clip, at in zip(out, chosen.tolist(), index, strict=True):
            rows = self._clips[clip]
            if rows is not None:
                np.take(rows, at, 0, out=line, mode="clip")
        return out


class Bank:
    """Clips of different lengths, with their labels.

    features: per clip int8 (frames, width). labels: float (clips, classes). strong: per clip None or uint8
    (frames, classes), the bytes of frame_targets. copies: how many clips in a row are one recording and its variants,
    of which an epoch has one; 1 each if None. negatives: how many of the last clips are drawn at random beside the
    others, whatever their number.
    """

    def __init__(
        self,
        features: Sequence[NDArray[np.int8]],
        labels: NDArray[np.float32],
        strong: Sequence[NDArray[np.uint8] | None] | None = None,
        copies: Sequence[int] | None = None,
        negatives: int = 0,
    ) -> None:
        self.negatives = negatives
        self.copies = np.ones(len(features) - negatives, np.int64) if copies is None else np.asarray(copies, np.int64)
        if self.copies.sum() + negatives != len(features):
            raise ValueError(f"{len(features)} clips are not {self.copies.sum()} copies and {negatives} negatives")
        self.lengths = np.array([len(f) for f in features], dtype=np.int64)
        self.values = ClipRows(features, self.lengths)
        self.labels = np.asarray(labels, dtype=np.float32)
        self.strong: ClipRows | None = None
        self.has_strong = np.zeros(len(self.lengths), dtype=np.float32)
        if strong is not None and any(s is not None for s in strong):
            if any(s is not None and len(s) != length for s, length in zip(strong, self.lengths, strict=True)):
                raise ValueError("labels in time are not as long as their clip")
            self.strong = ClipRows(strong, self.lengths)
            self.has_strong[:] = [s is not None for s in strong]

    def __len__(self) -> int:
        return len(self.lengths)

    def draw(self, rng: np.random.Generator, recordings: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw one clip, the original or a variant, of each recording."""
        first = np.concatenate([[0], np.cumsum(self.copies)[:-1]])
        return first[recordings] + (rng.random(len(recordings)) * self.copies[recordings]).astype(np.int64)


class Augmenter:
    """A source of augmented batches of a bank; the same seed gives the same batches.

    negative_share: share of a batch that is drawn from the bank's negatives.
    """

    def __init__(
        self,
        bank: Bank,
        augment: AugmentSettings,
        train: TrainSettings,
        frontend: FrontendSettings,
        hop_frames: int,
        seed: int,
        negative_share: float = 0.0,
    ) -> None:
        self.bank = bank
        self.negative_share = negative_share
        self.augment = augment
        self.train = train
        self.hop_frames = hop_frames
        self.width = frontend.width
        self.step_db = frontend.step_mdb / 1000.0
        self.floor_db = float(frontend.floor_db)
        self.random = np.random.default_rng(seed)
        # Relative position of each band, -1..1, for tilts.
        self.slope = np.linspace(-1.0, 1.0, self.width, dtype=np.float32)
        self._fluctuation = _noise_fluctuation(frontend, self.random)

    @property
    def batches_per_epoch(self) -> int:
        """Full batches in one pass; the remainder appears in a later epoch."""
        return max(1, len(self.bank.copies) // self._recordings_per_batch)

    @property
    def _recordings_per_batch(self) -> int:
        recordings = self.train.batch
        if self.bank.negatives:
            recordings = max(1, round(self.train.batch * (1.0 - self.negative_share)))
        return min(recordings, len(self.bank.copies))

    def epoch(self) -> Iterator[Batch]:
        """Yield the batches of one pass over the recordings in random order, negatives of the bank beside them."""
        order = self.random.permutation(len(self.bank.copies))
        size = self._recordings_per_batch
        # As many negatives as their share asks for, also in the smaller batches of a small data set.
        beside = round(size * self.negative_share / (1.0 - self.negative_share)) if self.bank.negatives else 0
        for i in range(self.batches_per_epoch):
            chosen = self.bank.draw(self.random, order[i * size : (i + 1) * size])
            drawn = self.random.integers(len(self.bank) - self.bank.negatives, len(self.bank), beside)
            yield self.batch(np.concatenate([chosen, drawn]))

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """Return augmented examples of the chosen clips."""
        frames, settings, rng = self.train.window_frames, self.augment, self.random
        n = len(chosen)
        index, fraction = self._positions(chosen, frames)
        low, high = (self.bank.values.take(chosen, at).astype(np.float32) for at in index)
        db = low + (high - low) * fraction[:, :, None]
        db = np.matmul(db, self._mel_shift(n))
        silent = db < -127.5  # at the frontend's floor or below it: no gain brings up what is not there
        db += 128.0
        db *= self.step_db
        db += self.floor_db + self._response(n)[:, None, :]
        power = _power(db)
        power[silent] = 0.0
        labels = self.bank.labels[chosen]
        strong, has_strong = self._strong(chosen, index[0])
        mixed = np.flatnonzero(rng.random(n) < settings.mixup)
        if len(mixed):
            other = (mixed + rng.integers(1, max(2, n), len(mixed))) % n
            level = rng.uniform(-settings.mixup_level_db, settings.mixup_level_db, len(mixed)).astype(np.float32)
            share = _power(level / 2) / (_power(level / 2) + _power(-level / 2))  # power of the other one
            share = share[:, None]
            power[mixed] = power[mixed] * (1 - share[:, :, None]) + power[other] * share[:, :, None]
            if self.single_label:
                labels[mixed] = labels[mixed] * (1 - share) + labels[other] * share
            else:  # both sound
                labels[mixed] = mixed_targets(labels[mixed], labels[other])
            strong[mixed] = mixed_targets(strong[mixed], strong[other])
            has_strong[mixed] = has_strong[mixed] * has_strong[other]
        power += self._noise(n, frames)
        # Back to dB and to int8 steps, in place; numpy's log is vectorised, its log10 is not.
        q = np.log(np.maximum(power, _LEAST_POWER, out=power), out=power)
        q *= np.float32(10.0 / np.log(10.0) / self.step_db)
        q -= np.float32(self.floor_db / self.step_db + 128.0)
        np.clip(np.rint(q, out=q), -128, 127, out=q)
        self._masks(q)
        q *= np.float32(FEATURE_SCALE)
        return Batch(q, labels, strong, has_strong)

    @property
    def single_label(self) -> bool:
        """True if every clip has exactly one label, or shares that sum to one."""
        return bool(np.all(np.abs(self.bank.labels.sum(1) - 1.0) < 1e-4))

    def _positions(self, chosen: NDArray[np.int64], frames: int) -> tuple[NDArray[np.int64], F32]:
        """Draw time shift (circular) and stretch, and return the position in its clip of each output frame."""
        rng, n = self.random, len(chosen)
        length = self.bank.lengths[chosen][:, None]
        widest = np.log(self.augment.stretch)
        rate = np.exp(rng.uniform(-widest, widest, (n, 1)))
        position = rng.random((n, 1)) * length + rate * np.arange(frames)[None, :]
        whole = np.floor(position)
        at = whole.astype(np.int64)
        return np.stack([at % length, (at + 1) % length]), (position - whole).astype(np.float32)

    def _mel_shift(self, n: int) -> F32:
        """Draw matrices (n, width, width) that move the spectrum by a fraction of bands."""
        bands = self.augment.mel_shift
        source = np.arange(self.width)[None, :] + self.random.uniform(-bands, bands, (n, 1))
        source = np.clip(source, 0, self.width - 1)
        distance = np.abs(source[:, None, :] - np.arange(self.width)[None, :, None])
        return np.maximum(0.0, 1.0 - distance).astype(np.float32)

    def _response(self, n: int) -> F32:
        """Draw gain, tilt and a smooth colouring per example, in dB (n, width)."""
        s, rng = self.augment, self.random
        out = rng.uniform(-s.gain_db, s.gain_db, (n, 1)) + rng.uniform(-s.tilt_db, s.tilt_db, (n, 1)) * self.slope
        if s.colour_db > 0:
            knots = rng.uniform(-s.colour_db, s.colour_db, (n, 6))
            at = np.linspace(0, 5, self.width)
            low = np.minimum(at.astype(int), 4)
            part = at - low
            out = out + knots[:, low] * (1 - part) + knots[:, low + 1] * part
        return out.astype(np.float32)

    def _noise(self, n: int, frames: int) -> F32:
        """Draw the power of a coloured stationary noise floor (n, frames, width)."""
        s, rng = self.augment, self.random
        level = rng.uniform(s.noise_db[0], s.noise_db[1], (n, 1))
        level[rng.random(n) < s.noiseless] = _NO_NOISE_DB
        level = level + rng.uniform(-s.noise_tilt_db, s.noise_tilt_db, (n, 1)) * self.slope
        start = rng.integers(0, len(self._fluctuation) - frames, n)
        shape = self._fluctuation[start[:, None] + np.arange(frames)[None, :]]
        return shape * _power(level.astype(np.float32))[:, None, :]

    def _strong(self, chosen: NDArray[np.int64], index: NDArray[np.int64]) -> tuple[F32, F32]:
        """Return the targets of the steps, 0..1 or -1 for unknown, and 1 for each clip that has them."""
        n, frames = index.shape
        steps, classes = frames // self.hop_frames, self.bank.labels.shape[1]
        if self.bank.strong is None:
            return np.zeros((n, steps, classes), np.float32), np.zeros(n, np.float32)
        frame = self.bank.strong.take(chosen, index).reshape(n, steps, self.hop_frames, classes)
        return step_targets(frame), self.bank.has_strong[chosen].copy()

    def _masks(self, q: NDArray[np.floating]) -> None:
        """Set stripes in time and frequency to the example's mean (SpecAugment)."""
        s, rng = self.augment, self.random
        n, frames, width = q.shape
        fill = np.rint(q.mean((1, 2)))
        for i in range(n):
            for _ in range(s.time_masks):
                size = int(rng.integers(0, min(s.time_mask_frames, frames - 1) + 1))
                at = int(rng.integers(0, frames - size + 1))
                q[i, at : at + size] = fill[i]
            for _ in range(s.band_masks):
                size = int(rng.integers(0, min(s.band_mask_bands, width - 1) + 1))
                at = int(rng.integers(0, width - size + 1))
                q[i, :, at : at + size] = fill[i]


def _power(db: NDArray[np.floating]) -> F32:
    out: F32 = np.exp(np.asarray(db, np.float32) * np.float32(np.log(10.0) / 10.0))
    return out


def _noise_fluctuation(frontend: FrontendSettings, rng: np.random.Generator) -> F32:
    """Draw the variation of the band power of stationary noise about its mean: (4096, width), mean 1.

    A band that sums about k independent bins is gamma-distributed with shape k. Bins follow from the mel scale
    m = 2595 log10(1 + f / 700); a Hann window correlates neighbours, which halves the count.
    """
    width = frontend.width
    low, high = (2595 * np.log10(1 + f / 700) for f in (frontend.low_hz, frontend.high_hz))
    edges = 700 * (10 ** (np.linspace(low, high, width + 2) / 2595) - 1)
    bins = np.maximum(1.0, (edges[2:] - edges[:-2]) / 2 * frontend.fft / frontend.rate_hz / 2)
    return (rng.gamma(bins, size=(4096, width)) / bins).astype(np.float32)
