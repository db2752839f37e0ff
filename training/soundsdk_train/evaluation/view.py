"""The default view of a training's result: the held-out clips as a board would hear them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from soundsdk_train.datasets import LabelledClip
from soundsdk_train.evaluation.deployed_figures import DeployedFigures
from soundsdk_train.evaluation.deployed_run import evaluate_deployed
from soundsdk_train.evaluation.tables import open_console, print_figures
from soundsdk_train.evaluation.timeline import lay_out_clips


def print_held_out(model: bytes, clips: Sequence[LabelledClip], title: str) -> DeployedFigures:
    """Print and return the figures of a detector on clips (with pcm) that it was not trained on."""
    import soundcore

    metadata = json.loads(bytes(soundcore.Stream(model).metadata))
    recordings = lay_out_clips(clips, metadata["labels"], int(metadata["frontend"]["rate_hz"]))
    figures = evaluate_deployed(model, metadata, recordings).figures
    print_figures(open_console(), title, figures)
    return figures
