"""Recordings to mine, with what is known to sound in them.

Truth beside `take.wav` is an Audacity label track `take.txt` or a row of a DCASE table (any .tsv file) in its folder.
A recording below a folder that is named after a label holds that label throughout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from soundsdk.errors import DataError
from soundsdk.labels import LabelledSpan, is_table, parse_audacity, read_label_text, read_table
from soundsdk.recording import audio_file
from soundsdk_train.datasets import label_name

THROUGHOUT_S = 1e9


@dataclass(frozen=True)
class LongRecording:
    """One file. name: its path below the folder that was named; truth: spans that explain a label's score."""

    path: Path
    name: str
    truth: list[LabelledSpan]


def find_recordings(folders: Sequence[Path], labels: Sequence[str], leave_out: Path) -> Iterator[LongRecording]:
    """Find the recordings below folders, but not those below leave_out. Raises DataError if there are none."""
    count = 0
    for folder in folders:
        if not folder.exists():
            raise DataError(f"there is no folder {folder}.", "Give folders of recordings.")
        tables: dict[Path, dict[str, list[LabelledSpan]]] = {}
        for path in audio_file.find(folder):
            if leave_out.resolve() in path.resolve().parents:
                continue
            name = path.relative_to(folder).as_posix() if path != folder else path.name
            if path.parent not in tables:
                tables[path.parent] = _tables(path.parent)
            known = tables[path.parent]
            truth = [*known.get(path.name, []), *known.get(name, []), *_track(path)]
            inside = {label_name(part) for part in (*Path(name).parts[:-1], folder.name if folder.is_dir() else "")}
            truth += [LabelledSpan(0.0, THROUGHOUT_S, label) for label in labels if label in inside]
            count += 1
            yield LongRecording(path, name, truth)
    if not count:
        raise DataError(f"{folders[0]} holds no recordings besides those mined before.", "Give other folders.")


def _track(path: Path) -> list[LabelledSpan]:
    track = path.with_suffix(".txt")
    return parse_audacity(read_label_text(track), str(track)) if track.is_file() else []


def _tables(folder: Path) -> dict[str, list[LabelledSpan]]:
    """Return the spans of all DCASE tables in a folder, by file name; other .tsv files are not read."""
    spans: dict[str, list[LabelledSpan]] = {}
    for table in sorted(folder.glob("*.tsv")):
        if is_table(table):
            for name, rows in read_table(table).items():
                spans.setdefault(name, []).extend(rows)
    return spans
