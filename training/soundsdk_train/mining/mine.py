"""The work of `soundsdk mine`: listen, choose, cut, and keep an index of what was taken from where."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import DetectorFile
from soundsdk.errors import DataError
from soundsdk.labels import LabelledSpan, is_background, printable
from soundsdk.recording import audio_file
from soundsdk.recording.skipped import SkippedFiles
from soundsdk.whole_file import write_whole
from soundsdk_train.datasets import label_name
from soundsdk_train.evaluation.deployed import detect_events, score_recording
from soundsdk_train.mining.candidates import FALSE_ALARM, Candidate, candidates
from soundsdk_train.mining.fingerprint import alike, fingerprint
from soundsdk_train.mining.sources import LongRecording
from soundsdk_train.run_settings import FrontendSettings, frontend_of

INDEX = "mined.tsv"

FOLDER = "background"  # the class folder that the clips go to, which training takes for negatives

_SHORTEST_S = 1.0  # least of a clip that remains beside a true sound
_EDGE_S = 0.25  # kept away from true sounds


@dataclass(frozen=True)
class MinedClip:
    """One row of the index. file: below the output folder; source: as the recording was named; score 0..1."""

    file: str
    source: str
    onset: float
    offset: float
    event_label: str
    score: float
    kind: str


_COLUMNS = [f.name for f in fields(MinedClip)]


@dataclass(frozen=True)
class MiningLimits:
    """The number of clips to take, and their length. min_score: 0..1, of near misses."""

    min_score: float = 0.3
    most: int = 200
    most_per_source: int = 10
    before_s: float = 3.0
    after_s: float = 1.0


@dataclass
class Mined:
    """The result. clips: new ones; alike: left out as a clip with the same sound was there; hours: listened to."""

    clips: list[MinedClip] = field(default_factory=list)
    alike: int = 0
    hours: float = 0.0
    false_alarms: int = 0
    unreadable: list[str] = field(default_factory=list)


@dataclass
class _Cut:
    candidate: Candidate
    source: str
    begin_s: float
    end_s: float
    pcm: NDArray[np.int16]
    mark: NDArray[np.float32]


def mine(
    detector: DetectorFile,
    recordings: Iterable[LongRecording],
    output: Path,
    limits: MiningLimits,
    on_recording: Callable[[str], None] = lambda name: None,
    say: Callable[[str], None] = lambda text: None,
) -> Mined:
    """Run a detector over recordings and write what it takes for its labels to `output/background`.

    False alarms come before near misses, and higher scores before lower ones. A sound that is there already, from
    this run or an earlier one, is not taken again. Clips of one recording lie in one folder, which training keeps on
    one side of a split; `output/mined.tsv` lists them all. Raises OutputError if nothing can be written, DataError if
    nothing can be read.
    """
    frontend = frontend_of(detector.metadata)
    rate_hz = frontend.rate_hz
    known = read_index(output)
    marks = [fingerprint(audio_file.read(output / row.file, rate_hz), frontend) for row in known]
    out = Mined()
    skipped, read = SkippedFiles(say), 0
    cuts: list[_Cut] = []
    for recording in recordings:
        on_recording(recording.name)
        try:
            pcm = audio_file.read(recording.path, rate_hz)
        except DataError as error:
            skipped(error.message)
            continue
        read += 1
        out.hours += len(pcm) / rate_hz / 3600
        cuts += _cuts(detector, recording, pcm, frontend, limits, out)
        # More than can be taken need not stay in memory; some may turn out to be alike.
        cuts = sorted(cuts, key=_rank)[: 4 * limits.most]
    skipped.finish(read)
    out.unreadable = skipped.reasons
    try:
        for cut in cuts:
            if len(out.clips) == limits.most:
                break
            if alike(cut.mark, marks):
                out.alike += 1
                continue
            marks.append(cut.mark)
            out.clips.append(_write(cut, output, rate_hz))
    finally:
        if out.clips:
            _write_index(output, [*known, *out.clips])
    return out


def event_labels(labels: Sequence[str]) -> list[str]:
    """Return the labels that are events; a softmax head may have one for all else."""
    return [label for label in labels if not is_background(label)]


def read_index(output: Path) -> list[MinedClip]:
    """Return the rows of the index whose files are still there; none without an index. Raises DataError."""
    path = output / INDEX
    if not path.exists():
        return []
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
        if rows[0] != _COLUMNS:
            raise ValueError("its columns are not those of an index")
        clips = [MinedClip(r[0], r[1], float(r[2]), float(r[3]), r[4], float(r[5]), r[6]) for r in rows[1:]]
    except (OSError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise DataError(f"the index {path} cannot be read: {error}.", "Remove it, or name another folder.") from error
    return [clip for clip in clips if (output / clip.file).is_file()]


def _cuts(
    detector: DetectorFile,
    recording: LongRecording,
    pcm: NDArray[np.int16],
    frontend: FrontendSettings,
    limits: MiningLimits,
    out: Mined,
) -> list[_Cut]:
    """Return the clips to take from one recording; out counts its false alarms and what is alike."""
    rate_hz = frontend.rate_hz
    labels = event_labels(detector.metadata["labels"])
    scored = score_recording(detector.data, pcm, name=recording.name, truth=recording.truth)
    events = detect_events(scored, detector.metadata["detector"])
    apart_s = limits.before_s + limits.after_s
    kept: list[_Cut] = []
    for one in candidates(scored, events, labels, min_score=limits.min_score, apart_s=apart_s):
        out.false_alarms += one.kind == FALSE_ALARM
        span = _free_span(one.at_s, recording.truth, labels, limits, len(pcm) / rate_hz)
        if span is None or len(kept) == limits.most_per_source:
            continue
        part = pcm[round(span[0] * rate_hz) : round(span[1] * rate_hz)]
        cut = _Cut(one, recording.name, *span, part, fingerprint(part, frontend))
        if alike(cut.mark, [other.mark for other in kept]):
            out.alike += 1
        else:
            kept.append(cut)
    return kept


def _free_span(
    at_s: float, truth: Sequence[LabelledSpan], labels: Sequence[str], limits: MiningLimits, length_s: float
) -> tuple[float, float] | None:
    """Return what to cut around a moment, free of true sounds of any label; None if little is left."""
    begin, end = max(0.0, at_s - limits.before_s), min(length_s, at_s + limits.after_s)
    for span in truth:
        if span.label not in labels or span.offset_s + _EDGE_S <= begin or span.onset_s - _EDGE_S >= end:
            continue
        if span.offset_s + _EDGE_S <= at_s:
            begin = span.offset_s + _EDGE_S
        elif span.onset_s - _EDGE_S >= at_s:
            end = min(end, span.onset_s - _EDGE_S)
        else:
            return None
    return (begin, end) if end - begin >= _SHORTEST_S else None


def _rank(cut: _Cut) -> tuple[str, float, str, float]:
    return cut.candidate.kind, -cut.candidate.score, cut.source, cut.begin_s


def _write(cut: _Cut, output: Path, rate_hz: int) -> MinedClip:
    import soundfile

    one = cut.candidate
    stem = label_name(Path(cut.source).stem) or "recording"
    folder = f"{stem[:40]}_{hashlib.sha256(cut.source.encode()).hexdigest()[:8]}"
    file = Path(FOLDER) / folder / f"{cut.begin_s:08.2f}_{label_name(one.label)}.flac"
    data = io.BytesIO()
    soundfile.write(data, cut.pcm, rate_hz, format="FLAC", subtype="PCM_16")
    write_whole(output / file, data.getvalue(), parents=True)
    return MinedClip(
        file.as_posix(),
        printable(cut.source),
        round(cut.begin_s, 3),
        round(cut.end_s, 3),
        one.label,
        one.score,
        one.kind,
    )


def _write_index(output: Path, rows: Sequence[MinedClip]) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows([_COLUMNS, *map(astuple, rows)])
    write_whole(output / INDEX, text.getvalue().encode(), parents=True)
