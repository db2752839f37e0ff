"""Checkpoints of a training: everything the next epoch depends on, written at the end of each epoch."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import OutputError, SoundsdkError, UsageError
from soundsdk.whole_file import write_whole

Arrays = list[NDArray[Any]]


class TrainingError(SoundsdkError):
    """Training cannot go on; what it had reached before is kept."""


@dataclass
class Snapshot:
    """The state at the end of an epoch.

    state: all variables, in the order of the training loop; best: the weights to keep so far. about: epoch, epochs,
    losses, metrics, best_epoch, best_value and the state of the augmentation's generator, as JSON holds them.
    """

    state: Arrays
    best: Arrays
    about: dict[str, Any]


@dataclass
class Checkpoint:
    """The checkpoint file of one stage of a run. identity: what the run must have in common to be resumed.

    What an earlier run left there is not written over unless it is resumed: it is renamed, and say gets a note.
    """

    path: Path
    identity: str
    resume: bool
    say: Callable[[str], None] = lambda text: None
    own: bool = False  # whether what is at the path is of this run

    def read(self, share: Callable[[bytes], bytes] = bytes) -> Snapshot | None:
        """Return what to go on from; None if there is no file or the run is not to be resumed.

        share: maps the file's bytes (none without a file) to those that are used, which another process may have read.
        Raises UsageError if the file is damaged or of another run.
        """
        hint = "Train without --resume, which begins again."
        try:
            data = share(self.path.read_bytes() if self.resume and self.path.exists() else b"")
            if not data:
                return None
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                about = json.loads(bytes(file["about"]))
                state = [file[f"state{i}"] for i in range(about["states"])]
                best = [file[f"best{i}"] for i in range(about["bests"])]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UsageError(f"the checkpoint {self.path} is damaged: {error}.", hint) from error
        if about["identity"] != self.identity:
            raise UsageError(f"the checkpoint {self.path} is of a run with other settings, labels or data.", hint)
        return Snapshot(state, best, about)

    def write(self, snapshot: Snapshot) -> None:
        """Write a snapshot over the one before, whole or not at all. Raises TrainingError if the disk is full."""
        if not self.own and not self.resume:
            self._keep_earlier()
        self.own = True
        sizes = {"identity": self.identity, "states": len(snapshot.state), "bests": len(snapshot.best)}
        about = np.frombuffer(json.dumps({**snapshot.about, **sizes}).encode(), np.uint8)
        arrays = {f"state{i}": a for i, a in enumerate(snapshot.state)}
        arrays |= {f"best{i}": a for i, a in enumerate(snapshot.best)}
        file = io.BytesIO()
        np.savez(file, about=about, **arrays)  # type: ignore[arg-type]
        try:
            write_whole(self.path, file.getvalue(), parents=True)
        except OutputError as error:
            raise TrainingError(
                f"the checkpoint {error.message}", "Free space and go on with --resume; the epoch before is kept."
            ) from error

    def _keep_earlier(self) -> None:
        """Rename the checkpoint of an earlier run, if there is one, to a name that is free."""
        if not self.path.exists():
            return
        names = (f"{self.path.name}.old{number or ''}" for number in itertools.count())
        kept = next(path for path in map(self.path.with_name, names) if not path.exists())
        try:
            self.path.rename(kept)
        except OSError as error:
            raise TrainingError(
                f"the checkpoint {self.path} of an earlier training cannot be renamed: {error.strerror or error}.",
                "Go on with it with --resume, or remove it.",
            ) from error
        self.say(
            f"note: {self.path} was the checkpoint of an earlier training, which --resume would have gone on with; it "
            f"is {kept.name} now"
        )


@dataclass
class CheckpointFiles:
    """The checkpoints of a run, beside its output: OUT.STAGE.checkpoint."""

    output: Path
    resume: bool = False
    say: Callable[[str], None] = lambda text: None  # gets notes
    paths: list[Path] = field(default_factory=list)  # of the stages so far

    def check(self) -> None:
        """Raise UsageError if the run is to be resumed and there is no checkpoint of any stage."""
        stages = re.compile(re.escape(self.output.stem) + r"\.[^.]+\.checkpoint")
        if self.resume and not any(map(stages.fullmatch, _names(self.output.parent))):
            raise UsageError(
                f"there is no checkpoint beside {self.output} to resume from.", "Leave --resume out to begin again."
            )

    def of(self, stage: str, *identity: Any) -> Checkpoint:
        """Return the checkpoint of a stage; identity: JSON-able parts that a resumed run must share."""
        path = self.output.with_suffix(f".{stage.replace(' ', '-')}.checkpoint")
        self.paths.append(path)
        text = json.dumps([stage, *identity], sort_keys=True)
        return Checkpoint(path, hashlib.sha256(text.encode()).hexdigest(), self.resume, self.say)

    def kept_words(self) -> str:
        """Return a sentence on what is left of a run that has ended before there was a detector."""
        kept = [path for path in self.paths if path.exists()]
        if not kept:
            return "nothing was trained yet, and nothing is kept"
        return f"kept: {kept[-1]}; the same command with --resume goes on from there to {self.output}"

    def remove(self) -> None:
        """Remove the checkpoints of this run's stages, once the output is written."""
        for path in self.paths:
            path.unlink(missing_ok=True)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []
