"""One evaluation of a detector on continuous sound: score each recording, judge its events, compute the figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from soundsdk.errors import DataError
from soundsdk_train.evaluation.deployed import detect_events, score_recording
from soundsdk_train.evaluation.deployed_figures import DeployedFigures, deployed_figures
from soundsdk_train.evaluation.exhibits import ExhibitCollector
from soundsdk_train.evaluation.outcomes import JudgedRecording, judge
from soundsdk_train.evaluation.timeline import TimelineRecording


@dataclass
class DeployedEvaluation:
    """A detector's figures on continuous sound, and the recordings behind them."""

    name: str
    metadata: dict[str, Any]
    figures: DeployedFigures
    judged: list[JudgedRecording]


def evaluate_deployed(
    model: bytes,
    metadata: dict[str, Any],
    recordings: Iterable[TimelineRecording],
    *,
    seed: int = 0,
    collector: ExhibitCollector | None = None,
    on_recording: Callable[[int, str], None] | None = None,
) -> DeployedEvaluation:
    """Run a detector with its own thresholds over recordings, one after another, and compute its figures.

    Only the scores are kept; collector keeps the sound of the worst errors. on_recording gets the number of recordings
    done and the name of the last. DataError if there is nothing to evaluate.
    """
    judged: list[JudgedRecording] = []
    for recording in recordings:
        scored = score_recording(
            model,
            recording.pcm,
            name=recording.name,
            truth=recording.truth,
            kind=recording.kind,
            source=recording.source,
            sound_s=recording.sound_s,
        )
        judged.append(judge(scored, detect_events(scored, metadata["detector"])))
        if collector is not None:
            collector.add(judged[-1], recording.pcm)
        if on_recording is not None:
            on_recording(len(judged), recording.name)
    if not judged:
        raise DataError("there is nothing to evaluate: no recording could be read.", "Give WAV, FLAC or OGG files.")
    figures = deployed_figures(judged, metadata["labels"], seed)
    return DeployedEvaluation(str(metadata["name"]), metadata, figures, judged)
