"""Targets for the small network: a teacher's scores beside the labels of a recording, or instead of them.

A label says that a sound is somewhere in a recording, the teacher in which frames. What nobody labelled has the
teacher's targets alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.distillation.class_map import LabelMap
from soundsdk_train.distillation.fitted_head import LinearHead
from soundsdk_train.distillation.teacher import TeacherScores
from soundsdk_train.frame_targets import encode
from soundsdk_train.run_settings import FrontendSettings, TeacherFileSettings

F32 = NDArray[np.float32]

HEARD = 0.5  # a label's probability from which the teacher hears it


def frame_probabilities(
    scores: TeacherScores,
    window_s: float,
    length_s: float,
    mapping: LabelMap | LinearHead,
    frames: int,
    frontend: FrontendSettings,
    settings: TeacherFileSettings,
) -> F32:
    """Return the probabilities of the labels in each feature frame (frames, labels), NaN for labels it does not know.

    Interpolated between the centres of the teacher's windows, and later by settings.delay_s: the network has not
    heard what comes after a frame. A score of mapping.sure_at counts as certainty.
    """
    values = np.minimum(1.0, mapping.apply(scores.values) / mapping.sure_at)
    last = max(0.0, length_s - window_s)
    centres = np.minimum(np.arange(len(values)) * scores.hop_s, last) + window_s / 2
    at = (np.arange(frames) * frontend.hop + frontend.window / 2) / frontend.rate_hz - settings.delay_s
    out = np.full((frames, len(mapping.labels)), np.nan, np.float32)
    for i in np.flatnonzero(mapping.known):
        out[:, i] = np.interp(at, centres, values[:, i])
    return out


def labelled_frames(probabilities: F32, labels: F32, settings: TeacherFileSettings) -> NDArray[np.uint8]:
    """Return the targets of the frames (frames, labels) of a recording with labels (labels,), 1 or 0.

    A label that the teacher hears nowhere in the recording stays UNKNOWN in every frame, as does one that it does not
    know. settings.weight is that of the teacher's probabilities where it hears the label; where it does not, the
    label pauses, and its probability stands alone. Absent labels are absent, unless settings.trust_absent is false.
    """
    weight = settings.weight
    out = np.zeros(probabilities.shape, np.float64)
    for i, p in enumerate(probabilities.T.astype(np.float64)):
        known = not np.isnan(p).any()
        if labels[i]:
            heard = known and p.max() >= HEARD
            out[:, i] = np.where(p >= HEARD, (1 - weight) + weight * p, p) if heard else np.nan
        elif known and not settings.trust_absent:
            out[:, i] = np.where(p >= 1.0, np.nan, weight * p)
    return encode(out)


def unlabelled_frames(probabilities: F32) -> NDArray[np.uint8]:
    """Return the targets of the frames of a recording that nobody labelled."""
    return encode(probabilities)


def clip_probabilities(probabilities: F32) -> F32:
    """Return the targets of a whole recording (labels,), the highest of its frames; -1 for labels not known."""
    known = ~np.isnan(probabilities).any(axis=0)
    return np.where(known, np.max(np.nan_to_num(probabilities), axis=0), -1.0).astype(np.float32)


def distribution(probabilities: F32, labels: F32 | None, weight: float) -> F32 | None:
    """Return the shares of the labels in a recording (labels,), sum 1, for a softmax head; None if nothing is heard.

    labels: one label, 1 among zeros, against which the teacher has the given weight; None for no label. The teacher
    has no say about a recording whose label it does not know.
    """
    heard = np.maximum(clip_probabilities(probabilities), 0.0)
    unsure = heard.max() < HEARD
    if labels is None:
        return None if unsure else np.asarray(heard / heard.sum(), np.float32)
    if unsure or np.isnan(probabilities[:, int(labels.argmax())]).any():
        return labels
    return np.asarray((1 - weight) * labels + weight * heard / heard.sum(), np.float32)
