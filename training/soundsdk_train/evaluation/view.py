"""Figures of clips as a board would hear them: the default view of a held-out fold."""

from __future__ import annotations

import json
from collections.abc import Sequence

from soundsdk_train.datasets import LabelledClip
from soundsdk_train.evaluation.deployed_figures import DeployedFigures
from soundsdk_train.evaluation.deployed_run import evaluate_deployed
from soundsdk_train.evaluation.timeline import lay_out_clips


def clip_figures(model: bytes, clips: Sequence[LabelledClip]) -> DeployedFigures:
    """Compute the figures of a detector on clips (with pcm), each laid on a timeline."""
    import soundcore

    metadata = json.loads(bytes(soundcore.Stream(model).metadata))
    recordings = lay_out_clips(clips, metadata["labels"], int(metadata["frontend"]["rate_hz"]))
    return evaluate_deployed(model, metadata, recordings).figures
