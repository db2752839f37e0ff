"""A detector's figures on recordings, through the code that runs on the device: frontend, INT8 model, clip pooling."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.datasets import LabelledClip, label_matrix
from soundsdk_train.evaluation.clip_metrics import Figures, multi_label, single_label
from soundsdk_train.features import lengthened
from soundsdk_train.run_settings import frontend_of


def clip_scores(
    file: bytes, clips: Sequence[NDArray[np.int16]], on_clip: Callable[[int], None] | None = None
) -> NDArray[np.float64]:
    """Return the scores (clips, classes) of whole clips, each from a cold start, by soundcore.Stream and soundfw.

    The values are the integer logits by which the pooling decides, in units of 1/4096: unlike probabilities in
    thousandths, they do not tie.
    """
    import soundcore

    from soundfw.detect.clip import Clip as ClipPool

    stream = soundcore.Stream(file)
    metadata = json.loads(stream.metadata)
    count, attentions = len(metadata["labels"]), len(stream.attention)
    pool = ClipPool(
        metadata["head"], count, stream.scores_quant, stream.attention_quant if attentions else (0.0, 0), attentions
    )
    out = np.zeros((len(clips), count), np.float64)
    for i, pcm in enumerate(clips):
        stream.reset()
        pool.reset()
        at = 0
        while at < len(pcm):
            at += stream.feed(pcm.data, at)
            if stream.stepped:
                pool.step(stream.scores, stream.attention)
        out[i] = pool.logits()
        if on_clip is not None:
            on_clip(i + 1)
    return out / 4096.0


def figures(metadata: dict[str, Any], labels: NDArray[np.float32], logits: NDArray[np.floating]) -> Figures:
    """Compute the figures of pooled logits (clips, classes) under the decision rule of the model's head."""
    names = metadata["labels"]
    if metadata["head"] == "softmax":
        return single_label(labels, logits, names)
    thresholds = np.array([c["on"] / 1000.0 for c in metadata["detector"]["classes"]])
    thresholds = np.clip(thresholds, 1e-4, 1 - 1e-4)
    return multi_label(labels, logits, names, np.log(thresholds / (1 - thresholds)))


def evaluate_clips(file: bytes, clips: Sequence[LabelledClip], on_clip: Callable[[int], None] | None = None) -> Figures:
    """Measure a detector file on decoded clips, each for itself, and return its INT8 figures."""
    import soundcore

    model_metadata = soundcore.Stream(file).metadata
    metadata = json.loads(model_metadata)
    frontend, hop_frames = frontend_of(metadata), metadata["hop_frames"]
    scores = clip_scores(file, [lengthened(c.pcm, frontend, hop_frames) for c in clips], on_clip)
    return figures(metadata, label_matrix(clips, metadata["labels"]), scores)
