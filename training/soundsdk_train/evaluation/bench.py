"""A table of detectors over named sets of recordings, kept in a JSON file: the work of `soundsdk bench`."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from soundsdk.errors import DataError
from soundsdk.recording import audio_file
from soundsdk.whole_file import write_results
from soundsdk_train.evaluation.deployed_figures import BETWEEN, LabelFigures
from soundsdk_train.evaluation.deployed_run import DeployedEvaluation
from soundsdk_train.evaluation.timeline import TimelineRecording, lay_out, read_with_truth

SCHEMA = "soundsdk-bench-1"
_CHANCE = 0.025  # a change that comes about by chance less often than this is one


@dataclass
class BenchLabel:
    """The figures of one label in one row of a table; None where they are not defined. Recall is 0..1."""

    label: str
    events: int
    found: int
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    false_alarms: int
    negative_hours: float
    event_f1: float | None
    average_precision: float | None
    latency_s: float | None


@dataclass
class BenchRow:
    """One detector on one set. data_sha256 is over the names and the sound, as they were laid out."""

    set_name: str
    data_sha256: str
    model: str
    model_sha256: str
    file_bytes: int
    psds1: float | None
    psds2: float | None
    mean_average_precision: float | None
    labels: list[BenchLabel]


@dataclass
class BenchTable:
    """Rows, one per set and detector file, and the path of each set."""

    sets: dict[str, str] = field(default_factory=dict)
    rows: list[BenchRow] = field(default_factory=list)

    def put(self, row: BenchRow) -> None:
        """Add a row, in place of the one of the same detector file on the same set."""
        key = (row.set_name, row.model_sha256)
        at = next((i for i, old in enumerate(self.rows) if (old.set_name, old.model_sha256) == key), None)
        if at is None:
            self.rows.append(row)
        else:
            self.rows[at] = row

    def newest(self, set_name: str, model: str) -> BenchRow | None:
        """Return the last row of a detector's name on a set."""
        found = [row for row in self.rows if (row.set_name, row.model) == (set_name, model)]
        return found[-1] if found else None

    def before(self, row: BenchRow) -> BenchRow | None:
        """Return what a row is compared with: the last of the same name on the set, of another file if there is one."""
        found = [old for old in self.rows if (old.set_name, old.model) == (row.set_name, row.model)]
        others = [old for old in found if old.model_sha256 != row.model_sha256]
        found = others or found
        return found[-1] if found else None

    def mixed_sets(self) -> list[str]:
        """Return the names of sets whose rows were measured on different recordings, and so do not compare."""
        seen: dict[str, set[str]] = {}
        for row in self.rows:
            seen.setdefault(row.set_name, set()).add(row.data_sha256)
        return sorted(name for name, digests in seen.items() if len(digests) > 1)

    def replaced_by(self, row: BenchRow) -> BenchRow | None:
        """Return the row that put() would replace with figures of other recordings; None if nothing is lost."""
        key = (row.set_name, row.model_sha256)
        return next(
            (o for o in self.rows if (o.set_name, o.model_sha256) == key and o.data_sha256 != row.data_sha256), None
        )


def read_bench(path: Path) -> BenchTable:
    """Read a table; DataError if it is damaged. A file that is not there is an empty table."""
    if not path.exists():
        return BenchTable()
    if not path.is_file():  # a device may be read without an end
        raise DataError(f"{path} is no file.", "Name another file.")
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held["schema"] != SCHEMA:
            raise DataError(f"{path} is a table of schema {held['schema']!r}.", f"This soundsdk reads {SCHEMA}.")
        rows = [BenchRow(**{**r, "labels": [BenchLabel(**label) for label in r["labels"]]}) for r in held["rows"]]
        return BenchTable(dict(held["sets"]), rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no table of soundsdk bench: {error}.", "Name another file.") from error


def write_bench(path: Path, table: BenchTable) -> None:
    """Write a table, whole or not at all; OutputError if it cannot be written."""
    held = {"schema": SCHEMA, "sets": table.sets, "rows": [asdict(row) for row in table.rows]}
    write_results({path: (json.dumps(held, indent=1) + "\n").encode()})


class HashedRecordings:
    """Recordings as they pass by, and the hash of all that have."""

    def __init__(self, recordings: Iterable[TimelineRecording]) -> None:
        self._recordings = recordings
        self._digest = hashlib.sha256()

    def __iter__(self) -> Iterator[TimelineRecording]:
        for recording in self._recordings:
            self._digest.update(json.dumps([recording.name, len(recording.pcm)]).encode())
            self._digest.update(recording.pcm.tobytes())
            yield recording

    @property
    def sha256(self) -> str:
        """Hash of the names and the sound of what has passed."""
        return self._digest.hexdigest()


def long_recordings(path: Path) -> list[Path]:
    """Return the long recordings of a set, a file or those directly in a folder; none if it holds labelled folders.

    DataError if there is no such set.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"there is no set {path}.", "Give a folder of recordings.")
    return sorted(p for p in path.iterdir() if p.suffix.lower() in audio_file.SUFFIXES)


def open_set(
    path: Path,
    labels: list[str],
    rate_hz: int,
    on_note: Callable[[str], None] | None = None,
    on_unreadable: Callable[[str], None] | None = None,
) -> Iterator[TimelineRecording]:
    """Open a set of recordings: labelled folders, or a folder (or one file) of long recordings with truth beside them.

    A folder is of the second kind if sound files lie directly in it. on_note, on_unreadable: see read_with_truth().
    """
    long = long_recordings(path)
    if long:
        return read_with_truth(long, None, labels, rate_hz=rate_hz, on_note=on_note, on_unreadable=on_unreadable)
    return lay_out(path, labels, rate_hz=rate_hz, on_unreadable=on_unreadable)


def bench_row(
    set_name: str, data_sha256: str, model: bytes, evaluation: DeployedEvaluation, *, onsets_known: bool
) -> BenchRow:
    """Make the row of one evaluation, without event F1 unless the truth has times."""
    figures = evaluation.figures
    return BenchRow(
        set_name,
        data_sha256,
        evaluation.name,
        hashlib.sha256(model).hexdigest(),
        len(model),
        figures.psds1.value,
        figures.psds2.value,
        figures.mean_average_precision.value,
        [_bench_label(figure, onsets_known) for figure in figures.labels],
    )


def worsened(old: BenchRow, new: BenchRow) -> list[str]:
    """Return a sentence for each figure that is worse than before, beyond chance; DataError if the data differ.

    Recall is worse if it lies below the interval that it had; false alarms if so many more come about with a chance
    below 2.5 %. Labels that only one of them has are not compared.
    """
    again = "Measure the old detector again."
    if old.data_sha256 != new.data_sha256:
        raise DataError(f"the set {new.set_name} is not the one that the table was made with.", again)
    before = {label.label: label for label in old.labels}
    out = []
    for label in new.labels:
        was = before.get(label.label)
        if was is None:
            continue
        if was.events != label.events:
            raise DataError(f"the truth of {new.set_name} about {label.label} has changed.", again)
        if label.recall is not None and was.recall_low is not None and label.recall < was.recall_low:
            out.append(f"{new.set_name}: recall of {label.label} fell from {was.recall:.3f} to {label.recall:.3f}")
        hours = was.negative_hours + label.negative_hours
        share = label.negative_hours / hours if hours else 0.5
        if chance_of_more(was.false_alarms, label.false_alarms, share) < _CHANCE:
            out.append(
                f"{new.set_name}: false alarms of {label.label} rose from {was.false_alarms} to {label.false_alarms} "
                f"in {label.negative_hours:.2f} h"
            )
    return out


def chance_of_more(old: int, new: int, share: float) -> float:
    """Return the probability of `new` or more of old + new events if the rate is the same.

    share: of all hours, those in which the new ones were counted. Given their sum, one of two Poisson counts is
    binomial (Przyborowski and Wilenski, Biometrika 31, 1940).
    """
    together = old + new
    return sum(math.comb(together, k) * share**k * (1 - share) ** (together - k) for k in range(new, together + 1))


def _bench_label(figure: LabelFigures, onsets_known: bool) -> BenchLabel:
    rate = figure.rate() or figure.rate(BETWEEN)
    return BenchLabel(
        figure.label,
        figure.events,
        figure.found,
        figure.recall.value,
        figure.recall.low,
        figure.recall.high,
        rate.count if rate else 0,
        rate.hours if rate else 0.0,
        figure.event_f1.value if onsets_known else None,
        figure.average_precision.value,
        figure.latency.median_s,
    )
