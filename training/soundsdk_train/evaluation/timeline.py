"""Recordings as a detector on a board would meet them: clips after a while of quiet, or long files with their truth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk import labels as label_files
from soundsdk.errors import DataError, UsageError
from soundsdk.labels import LabelledSpan
from soundsdk.recording import audio_file
from soundsdk_train.datasets import LabelledClip, label_name, scan

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
    seed and the clip's name. layout and fold are those of datasets.scan(). Files that cannot be read are reported to
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
            clip = audio_file.read(recording.path, rate_hz)
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
    for clip in clips:
        own = [label for label in clip.labels if label in labels]
        yield _lay(clip.name, clip.pcm, own, (*clip.labels, "background")[0], clip.source or clip.name, quiet)


def read_with_truth(
    files: Sequence[Path], truth: Path | None, labels: Sequence[str], *, rate_hz: int = 16000
) -> Iterator[TimelineRecording]:
    """Read sound files and the truth about them.

    truth: a DCASE table (.tsv) with rows for any of the files, or the Audacity labels (.txt) of the only file; None
    looks beside each file for its name with .txt or .tsv. A table names a file by path, name, or name without suffix.
    Labels are compared in lower case with underscores, and spans whose label is not the model's are left out. A file
    with no spans left is a negative of the kind of its folder's name. DataError if a file has no truth at all.
    """
    known = {label_name(label): label for label in labels}
    table = None
    if truth is not None and truth.suffix.lower() != ".txt":
        table = read_table(truth)
        if all(_of_file(table, path) is None for path in files):
            raise DataError(f"{truth} names none of the recordings.", "Its first column holds their file names.")
    elif truth is not None and len(files) != 1:
        raise DataError(
            f"{truth} holds the labels of one recording, but there are {len(files)}.", "Give a DCASE table (.tsv)."
        )
    for path in files:
        if table is not None:
            spans = _of_file(table, path) or []
        elif truth is not None:
            spans = label_files.parse_audacity(_text(truth))
        else:
            spans = _beside(path)
        pcm = audio_file.read(path, rate_hz)
        kept = [replace(s, label=known[label_name(s.label)]) for s in spans if label_name(s.label) in known]
        kind = "" if kept else label_name(path.absolute().parent.name).removeprefix("neg_")
        yield TimelineRecording(path.name, pcm, kept, kind, path.name, len(pcm) / rate_hz)


def read_table(path: Path) -> dict[str, list[LabelledSpan]]:
    """Read a DCASE table of spans by file name; columns in any order, by their names in the first line.

    A row without times names a recording in which there are no events. DataError if a column is missing.
    """
    lines = [line.split("\t") for line in _text(path).splitlines() if line.strip()]
    columns = label_files.TSV_HEADER.split("\t")
    if not lines or not set(columns) <= set(lines[0]):
        raise DataError(f"{path} lacks one of the columns {', '.join(columns)}.", "Name them in its first line.")
    order = [lines[0].index(column) for column in columns]
    rows = [[*row, *[""] * (len(lines[0]) - len(row))] for row in lines[1:]]
    empty = [row[order[0]] for row in rows if not (row[order[1]] or row[order[2]])]
    full = ["\t".join(row[i] for i in order) for row in rows if row[order[1]] or row[order[2]]]
    spans = label_files.parse_tsv("\n".join([label_files.TSV_HEADER, *full]))
    return {**{name: [] for name in empty}, **spans}


def _of_file(table: Mapping[str, list[LabelledSpan]], path: Path) -> list[LabelledSpan] | None:
    """Return the spans of a file: of its longest name in the table that fits; None if it is not there."""
    for fits in (
        lambda name: path.as_posix().endswith("/" + name.removeprefix("./")),
        lambda name: Path(name).name == path.name,
        lambda name: Path(name).stem == path.stem,
    ):
        named = sorted((name for name in table if fits(name)), key=len)
        if named:
            return table[named[-1]]
    return None


def _beside(path: Path) -> list[LabelledSpan]:
    audacity, table = path.with_suffix(".txt"), path.with_suffix(".tsv")
    if audacity.is_file():
        return label_files.parse_audacity(_text(audacity))
    if table.is_file():
        held = read_table(table)
        own = _of_file(held, path)
        return own if own is not None else [span for spans in held.values() for span in spans]
    raise DataError(
        f"nothing says what {path} holds.",
        f"Give --truth, or its Audacity labels as {audacity.name}; an empty file says that no event is in it.",
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the labels {path} cannot be read: {error}.", "Give a DCASE or an Audacity file.") from error


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
    rng = np.random.default_rng([quiet.seed, int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")])
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
    return audio_file.to_int16(rng.normal(0.0, 10 ** (QUIET_DBFS / 20), count))
