"""Find the patches of the log-mel that a score depends on: each is covered in turn, and the INT8 model runs again.

A patch is replaced by the quiet of its bands in the same recording. The effect is the change of the class's log-odds
at one step, ln(p / (1 - p)) of the pooled score without rounding: a probability near 1 hides how much evidence it has.
Method: M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.models.feature_model import FeatureModel, States
from soundsdk_sim.explain.steps import Trace

REACH_S = 4.0  # patches that lie further back than this are not tried
_PATCH_FRAMES, _PATCH_BANDS = 8, 6
_STRIDE_FRAMES, _STRIDE_BANDS = 4, 3  # half a patch: every point is covered by four patches, and their mean is shown
_CERTAIN = 30.0  # log-odds of the only class of a softmax, whatever it hears
_QUIET = 0.1  # quantile of a band over the recording that stands for its quiet


@dataclass(frozen=True)
class Patch:
    """One covered patch: frames [start, stop), bands [low, high), and the score with it covered, 0-1."""

    start: int
    stop: int
    low: int
    high: int
    score: float


@dataclass(frozen=True)
class Saliency:
    """The dependence of one class's score at one step on the log-mel before it."""

    label: str
    step: int
    first_frame: int
    effect: NDArray[np.float32]  # (frames, width) from first_frame: log-odds lost without it; negative: gained
    score: float  # 0-1, with nothing covered
    strongest: Patch | None  # the patch without which the score is lowest; None if no patch lowers it


class Occlusion:
    """A recording in which patches are covered. Its steps are those of the trace."""

    def __init__(self, model: bytes, trace: Trace) -> None:
        self._trace = trace
        self._model = FeatureModel(model, trace.metadata)
        self._hop_frames = int(trace.metadata["hop_frames"])
        self._width = trace.features.shape[1]
        self._quiet = _quiet(trace.features)
        self._saved: dict[int, States] = {}
        frames = trace.features.reshape(len(trace.ends), -1)
        logits = []
        attention = []
        for i in range(len(frames)):
            self._saved[i] = self._model.save()
            z, a = self._model.run(frames[i : i + 1])
            logits.append(z)
            attention.append(a)
        self._logits, self._attention = np.concatenate(logits), np.concatenate(attention)

    @property
    def logits(self) -> NDArray[np.int8]:
        """The logits of every step with nothing covered, (steps, classes)."""
        return self._logits

    def score(self, index: int, step: int) -> float:
        """Return the score of a class at a step with nothing covered, 0-1, as the detector has it but not rounded."""
        return _probability(self._log_odds(index, step, step + 1, self._logits[:0], self._attention[:0]))

    def saliency(self, index: int, step: int) -> Saliency:
        """Cover every patch of the last REACH_S before the end of a step, and return the effect on class `index`."""
        trace = self._trace
        stop = (step + 1) * self._hop_frames
        frame_s = trace.step_samples / self._hop_frames / trace.rate_hz
        first = max(0, stop - round(REACH_S / frame_s)) // self._hop_frames * self._hop_frames
        whole = self._log_odds(index, step, step + 1, self._logits[:0], self._attention[:0])
        total = np.zeros((stop - first, self._width), np.float64)
        count = np.zeros_like(total)
        lowest, strongest = whole, None
        for start in range(first, stop, _STRIDE_FRAMES):
            end = min(start + _PATCH_FRAMES, stop)
            for low in range(0, self._width, _STRIDE_BANDS):
                high = min(low + _PATCH_BANDS, self._width)
                covered = self._covered(index, step, start, end, low, high)
                total[start - first : end - first, low:high] += whole - covered
                count[start - first : end - first, low:high] += 1
                if covered < lowest:
                    lowest, strongest = covered, Patch(start, end, low, high, _probability(covered))
        effect = (total / count).astype(np.float32)
        return Saliency(trace.classes[index].label, step, first, effect, _probability(whole), strongest)

    def _covered(self, index: int, step: int, start: int, end: int, low: int, high: int) -> float:
        """Return the log-odds at a step with one patch covered."""
        first = start // self._hop_frames
        features = self._trace.features[first * self._hop_frames : (step + 1) * self._hop_frames].copy()
        at = start - first * self._hop_frames
        features[at : at + end - start, low:high] = self._quiet[low:high]
        self._model.load(self._saved[first])
        logits, attention = self._model.run(features.reshape(step + 1 - first, -1))
        return self._log_odds(index, step, first, logits, attention)

    def _log_odds(
        self, index: int, step: int, first: int, logits: NDArray[np.int8], attention: NDArray[np.int8]
    ) -> float:
        """Return the log-odds of the pooled score at a step; steps from `first` on have these logits instead."""
        pool_ms = self._trace.metadata["detector"]["pool_ms"]
        step_ms = 1000 * self._trace.step_samples / self._trace.rate_hz
        since = max(0, step - int(20 * pool_ms / step_ms))  # what lies before has a weight below exp(-20)
        scale, zero = self._model.scores_quant
        keep = slice(since, max(first, since))
        late = max(since - first, 0)
        z = (np.concatenate([self._logits[keep], logits[late:]]).astype(np.float64) - zero) * scale
        a = np.concatenate([self._attention[keep], attention[late:]]) * self._model.attention_quant[0]
        age = np.arange(len(z) - 1, -1, -1)[:, None]
        if len(z):
            exponent = a - (age * step_ms / pool_ms if pool_ms else np.where(age, np.inf, 0.0))
            weight = np.exp(exponent - exponent.max(axis=0))
            z = (weight * z).sum(axis=0) / np.broadcast_to(weight, z.shape).sum(axis=0)
        if self._trace.metadata["head"] == "sigmoid":
            return float(z[index])
        others = np.delete(z, index)
        return float(z[index] - np.logaddexp.reduce(others)) if len(others) else _CERTAIN


def _quiet(features: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the quiet of each band, (width): a low quantile over the frames that are not digital silence."""
    sounding = features[(features > -128).any(axis=1)]
    return np.quantile(sounding if len(sounding) else features, _QUIET, axis=0).round().astype(np.int8)


def _probability(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(log_odds, -500, 500))))


def hertz(metadata: dict[str, Any], low: int, high: int) -> tuple[float, float] | None:
    """Return the centre frequencies of the first and last of bands [low, high); None for MFCC, which have none."""
    frontend = metadata["frontend"]
    if frontend["coefficients"]:
        return None
    edges = [2595 * np.log10(1 + hz / 700) for hz in (frontend["low_hz"], frontend["high_hz"])]
    spacing = (edges[1] - edges[0]) / (frontend["bands"] + 1)
    centre = [700 * (10 ** ((edges[0] + (k + 1) * spacing) / 2595) - 1) for k in (low, high - 1)]
    return float(centre[0]), float(centre[1])
