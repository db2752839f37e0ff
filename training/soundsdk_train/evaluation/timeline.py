"""Recordings as a detector on a board would meet them: clips after a while of quiet, or long files with their truth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError, UsageError
from soundsdk.labels import LabelledSpan
from soundsdk.recording import audio_file
from soundsdk_train.datasets import LabelledClip, label_name, scan
from soundsdk_train.evaluation.truth_files import read_truth, within

QUIET_DBFS = -70.0
LEAD_S = 3.0
# An event may begin up to 1 s after its clip and is reported min_ms later.
TAIL_S = 2.0


@dataclass
class TimelineRecording:
    """Mono sound with the truth about it. kind: of a negative, "" if there is truth; source: what it was cut from.

    sound_s: seconds of the sound that was given, without the quiet that was laid around it.
    """

    name: str
    pcm: NDArray[np.int16]
    truth: list[LabelledSpan]
    kind: str
    source: str
    sound_s: float


def lay_out(
    folder: str | Path,
    labels: Sequence[str],
    *,
    lead_s: float = LEAD_S,
    tail_s: float = TAIL_S,
    background: NDArray[np.int16] | None = None,
    layout: str = "auto",
    fold: int | None = None,
    rate_hz: int = 16000,
    seed: int = 0,
    on_unreadable: Callable[[str], None] | None = None,
) -> Iterator[TimelineRecording]:
    """Lay each clip of labelled folders on a timeline of its own, after lead_s of quiet and before tail_s of it.

    A folder with the name of one of the labels holds that label from the clip's first sample to its last; any other
    folder (`background`, `neg_speech`, classes that the model does not know) holds negatives of the kind of its name,
    without `neg_`. The quiet is noise of QUIET_DBFS RMS, or a piece of `background`, and depends on nothing but the
    seed and the clip's samples. layout and fold are those of datasets.scan(). Files that cannot be read are reported to
    on_unreadable; without it they raise DataError. UsageError if there is no such fold.
    """
    dataset = scan(folder, layout)
    if fold is not None and fold not in dataset.folds:
        folds = ", ".join(map(str, dataset.folds))
        raise UsageError(f"there is no fold {fold} in {folder}.", f"Its folds are {folds}.")
    known = {label_name(label): label for label in labels}
    quiet = _Quiet(lead_s, tail_s, background, rate_hz, seed)
    for recording in dataset.recordings:
        if fold is not None and recording.fold != fold:
            continue
        name = recording.path.relative_to(dataset.root).as_posix()
        try:
            clip = recording.read(rate_hz)
        except DataError as error:
            if on_unreadable is None:
                raise
            on_unreadable(error.message)
            continue
        source = f"{recording.label}/{recording.source}"
        own = [known[recording.label]] if recording.label in known else []
        yield _lay(name, clip, own, recording.label, source, quiet)


def lay_out_clips(
    clips: Iterable[LabelledClip], labels: Sequence[str], rate_hz: int, *, seed: int = 0
) -> Iterator[TimelineRecording]:
    """Lay decoded clips on timelines as lay_out() does those of folders; a clip without a label is a negative."""
    quiet = _Quiet(LEAD_S, TAIL_S, None, rate_hz, seed)
    known = {label_name(label): label for label in labels}
    for clip in clips:
        own = [known[label_name(label)] for label in clip.labels if label_name(label) in known]
        folder = (*clip.labels, "background")[0]
        yield _lay(clip.name, clip.pcm, own, folder, f"{folder}/{clip.source or clip.name}", quiet)


def read_with_truth(
    files: Sequence[Path],
    truth: Path | None,
    labels: Sequence[str],
    *,
    rate_hz: int = 16000,
    on_note: Callable[[str], None] | None = None,
    on_unreadable: Callable[[str], None] | None = None,
) -> Iterator[TimelineRecording]:
    """Read sound files and the truth about them, which truth_files.read_truth() finds and checks before any sound.

    A file with no span of a label of the model is a negative of the kind of its folder's name. Files that cannot be
    read are reported to on_unreadable; without it they raise DataError. So does truth that begins after its recording
    has ended; an end that lies beyond is moved to the recording's, and on_note gets it.
    """
    spans = read_truth(files, truth, labels, on_note)
    for path, own in zip(files, spans, strict=True):
        try:
            pcm = audio_file.read(path, rate_hz)
        except DataError as error:
            if on_unreadable is None:
                raise
            on_unreadable(error.message)
            continue
        kept = within(own, len(pcm) / rate_hz, path, on_note)
        kind = "" if kept else label_name(path.absolute().parent.name).removeprefix("neg_")
        yield TimelineRecording(path.name, pcm, kept, kind, path.name, len(pcm) / rate_hz)


@dataclass
class _Quiet:
    """Quiet around clips: how long it is before and after each, and what it consists of."""

    lead_s: float
    tail_s: float
    background: NDArray[np.int16] | None
    rate_hz: int
    seed: int


def _lay(
    name: str, clip: NDArray[np.int16], labels: Sequence[str], folder: str, source: str, quiet: _Quiet
) -> TimelineRecording:
    rate = quiet.rate_hz
    # By its sound, so that a clip comes after the same quiet by whatever path it is read.
    digest = hashlib.sha256(np.ascontiguousarray(clip).tobytes()).digest()
    rng = np.random.default_rng([quiet.seed, int.from_bytes(digest[:8], "big")])
    lead = _quiet(round(quiet.lead_s * rate), quiet.background, rng)
    tail = _quiet(round(quiet.tail_s * rate), quiet.background, rng)
    onset_s, offset_s = len(lead) / rate, (len(lead) + len(clip)) / rate
    truth = [LabelledSpan(onset_s, offset_s, label) for label in labels]
    kind = "" if truth else folder.removeprefix("neg_")
    return TimelineRecording(name, np.concatenate([lead, clip, tail]), truth, kind, source, len(clip) / rate)


def _quiet(count: int, background: NDArray[np.int16] | None, rng: np.random.Generator) -> NDArray[np.int16]:
    """Make count samples of the background, from a random place, or of a noise floor."""
    if background is not None and len(background):
        start = int(rng.integers(len(background)))
        return np.resize(np.roll(background, -start), count)
    return noise_floor(rng, count)


def noise_floor(rng: np.random.Generator, count: int) -> NDArray[np.int16]:
    """Make count samples of white noise of QUIET_DBFS RMS."""
    return audio_file.to_int16(rng.normal(0.0, 10 ** (QUIET_DBFS / 20), count))
