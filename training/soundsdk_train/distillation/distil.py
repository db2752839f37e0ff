"""Clips with a teacher's targets: those to train on, and pieces of recordings that nobody labelled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.cache import content_sha256
from soundsdk.errors import DataError, UsageError
from soundsdk.labels import counted
from soundsdk.recording import audio_file
from soundsdk_train.datasets import LabelledClip, LabelledFile, label_matrix
from soundsdk_train.distillation import soft_targets
from soundsdk_train.distillation.class_map import LabelMap, label_map
from soundsdk_train.distillation.fitted_head import FittedHead, LinearHead, fit_head
from soundsdk_train.distillation.score_cache import ScoreCache
from soundsdk_train.distillation.teacher import Teacher, TeacherScores, open_teacher
from soundsdk_train.features import extract, lengthened, minimum_samples
from soundsdk_train.run_settings import RunSettings

F32 = NDArray[np.float32]

_FAINT = 0.2  # a piece in which the teacher suspects a label is taken before others


@dataclass
class Distiller:
    """A teacher, what its classes mean for the labels, and its scores of recordings.

    head: of teacher_file.head = "fitted", once it is fitted; mapping is then its head on all recordings.
    """

    teacher: Teacher
    mapping: LabelMap | LinearHead
    cache: ScoreCache
    settings: RunSettings
    head: FittedHead | None = None

    @property
    def softmax(self) -> bool:
        """True if one label holds per clip."""
        return self.settings.model.head == "softmax"

    def probabilities(self, scores: TeacherScores, seconds: float, frames: int, source: str = "") -> F32:
        """Return the probabilities of the labels in the frames of a recording, given its scores: (frames, labels).

        source: that of a recording that a head may have been fitted to; a head that was not is used.
        """
        file, frontend = self.settings.teacher_file, self.settings.frontend
        mapping = self.mapping if self.head is None else self.head.without(source)
        window_s = self.teacher.window_s
        return soft_targets.frame_probabilities(scores, window_s, seconds, mapping, frames, frontend, file)

    def for_labels(self, labels: Sequence[str]) -> Distiller:
        """Return the same teacher for other labels, or the same in another order."""
        return replace(self, mapping=_mapping(self.teacher, labels, self.settings))

    def describe(self) -> dict[str, Any]:
        """Return what the record of a run says of the teacher."""
        out = {"file": self.teacher.model.path.name, "identity": self.teacher.identity}
        if isinstance(self.mapping, LinearHead) or self.settings.teacher_file.head == "fitted":
            return {**out, "head": "fitted"}
        names = self.teacher.names or [str(i) for i in range(self.teacher.classes)]
        pairs = zip(self.mapping.labels, self.mapping.indices, strict=True)
        return {**out, "classes": {label: [names[i] for i in chosen] for label, chosen in pairs}}


def open_distiller(labels: Sequence[str], settings: RunSettings, cache_folder: Path | None = None) -> Distiller:
    """Load settings.teacher_file.file and find the classes of each label.

    Raises ModelError, DataError or UsageError, as open_teacher and label_map do.
    """
    file = settings.teacher_file
    teacher = open_teacher(file.file, file)
    return Distiller(teacher, _mapping(teacher, labels, settings), ScoreCache(teacher, cache_folder), settings)


def _mapping(teacher: Teacher, labels: Sequence[str], settings: RunSettings) -> LabelMap:
    file = settings.teacher_file
    if file.head == "fitted":
        return LabelMap(list(labels), [[] for _ in labels])  # until the head is fitted, nothing is known
    found = label_map(labels, file.map, teacher.names, teacher.classes, file.combine)
    found.sure_at = file.sure_at
    return found


def fit_to_clips(distiller: Distiller, clips: Sequence[LabelledClip], files: Sequence[LabelledFile]) -> Distiller:
    """Return the teacher with a head fitted to the labels of clips whose file is among files."""
    heard = [(clip, scores) for clip, scores in _scores(distiller, clips, files) if scores is not None]
    labels = distiller.mapping.labels
    targets = label_matrix([clip for clip, _ in heard], labels)
    sources = [_source(clip) for clip, _ in heard]
    values = [scores.values for _, scores in heard]
    seed = distiller.settings.seed
    head = fit_head(values, targets, sources, labels, softmax=distiller.softmax, seed=seed)
    return replace(distiller, mapping=head.whole, head=head)


def teach_clips(
    distiller: Distiller,
    clips: Sequence[LabelledClip],
    files: Sequence[LabelledFile],
) -> list[LabelledClip]:
    """Return the clips with the teacher's targets where their file is among files; scenes stay as they are."""
    hard = label_matrix(clips, distiller.mapping.labels)
    file, frontend = distiller.settings.teacher_file, distiller.settings.frontend
    out = []
    for (clip, scores), row in zip(_scores(distiller, clips, files), hard, strict=True):
        if scores is not None and clip.features is not None:
            seconds = (frontend.window + frontend.hop * (len(clip.features) - 1)) / frontend.rate_hz
            p = distiller.probabilities(scores, seconds, len(clip.features), _source(clip))
            if distiller.softmax:
                clip = replace(clip, soft_labels=soft_targets.distribution(p, row, file.weight))
            else:
                clip = replace(clip, strong=soft_targets.labelled_frames(p, row, file))
        out.append(clip)
    return out


def _scores(
    distiller: Distiller, clips: Sequence[LabelledClip], files: Sequence[LabelledFile]
) -> Iterator[tuple[LabelledClip, TeacherScores | None]]:
    """Yield the clips with the teacher's scores; None for those without a file, such as scenes."""
    paths = {content_sha256(f.path): f.path for f in files if f.path.is_file()}
    for clip in clips:
        path = paths.get(clip.sha256)
        read = partial(audio_file.read, path or "", distiller.teacher.rate_hz)
        yield clip, distiller.cache.scores(clip.sha256, read) if path is not None else None


def _source(clip: LabelledClip) -> str:
    return f"{' '.join(clip.labels)}/{clip.source or clip.name}"


def unlabelled_clips(distiller: Distiller, folders: Sequence[Path]) -> list[LabelledClip]:
    """Cut recordings without labels into clips with the teacher's targets.

    A clip is as long as a training example. At most settings.teacher_file.unlabelled are returned: those in which the
    teacher suspects a label before others, which are drawn at random. Files that cannot be read are left out; raises
    DataError if none can be read, UsageError if a softmax head finds nothing that the teacher is sure of.
    """
    settings = distiller.settings
    files = sorted({path.resolve() for folder in folders for path in audio_file.find(folder)})
    pieces: list[LabelledClip] = []
    failed = ""
    for path in files:
        try:
            pieces += _pieces(distiller, path)
        except DataError as error:
            failed = error.message
    if not pieces and failed:
        raise DataError(f"none of the unlabelled recordings can be read: {failed}", "Give WAV, FLAC or OGG files.")
    if not pieces:
        raise UsageError(
            "the teacher is sure of no label in the unlabelled recordings.", "Give others, or a sigmoid head."
        )
    rng = np.random.default_rng([settings.seed, 0x7EAC])
    suspected = np.array([clip.soft_labels is not None and clip.soft_labels.max() >= _FAINT for clip in pieces])
    order = rng.permutation(len(pieces))
    chosen = order[np.argsort(~suspected[order], kind="stable")][: settings.teacher_file.unlabelled]
    return [pieces[i] for i in sorted(chosen)]


def distil(
    distiller: Distiller,
    clips: Sequence[LabelledClip],
    files: Sequence[LabelledFile],
    unlabelled: Sequence[Path],
    say: Callable[[str], None],
) -> list[LabelledClip]:
    """Return all that a network learns with the teacher: clips, as teach_clips, and unlabelled_clips after them."""
    if distiller.settings.teacher_file.head == "fitted":
        say("fitting a head to the teacher's scores")
        distiller = fit_to_clips(distiller, clips, files)
    for label, names in distiller.describe().get("classes", {}).items():
        say(f"teacher: {label} is {' or '.join(names) if names else 'not known to it'}")
    say(f"the teacher hears {counted(len(files), 'recording')}")
    out = teach_clips(distiller, clips, files)
    if unlabelled:
        pieces = unlabelled_clips(distiller, unlabelled)
        sure = sum(bool(piece.labels) for piece in pieces)
        say(f"{counted(len(pieces), 'clip')} of unlabelled recordings; the teacher is sure of a label in {sure}")
        out += pieces
    if distiller.cache.failure:
        say(f"note: {distiller.cache.failure}")
    return out


def _pieces(distiller: Distiller, path: Path) -> list[LabelledClip]:
    settings = distiller.settings
    frontend, labels = settings.frontend, distiller.mapping.labels
    content = content_sha256(path)
    pcm = audio_file.read(path, frontend.rate_hz)
    shortest = minimum_samples(frontend, settings.model.hop_frames)
    length = max(shortest, minimum_samples(frontend, settings.train.window_frames))
    out = []
    for start in range(0, max(1, len(pcm) - shortest), length):
        piece = pcm[start : start + length]
        piece = lengthened(piece, frontend, settings.model.hop_frames)
        digest = hashlib.sha256(f"{content} {start} {len(piece)} {frontend.rate_hz}".encode()).hexdigest()
        features = extract(piece, frontend)
        scores = distiller.cache.hear(piece, frontend.rate_hz)
        p = distiller.probabilities(scores, len(piece) / frontend.rate_hz, len(features))
        name = f"{path.name}+{start / frontend.rate_hz:g}s"
        whole = soft_targets.clip_probabilities(p)
        strong: NDArray[np.uint8] | None = None
        heard: tuple[str, ...]
        if distiller.softmax:
            # A head fitted to the labels has a distribution for any sound: how unsure it is, is learned as well.
            fitted = distiller.head is not None
            shares = p.mean(axis=0) / p.mean(axis=0).sum() if fitted else soft_targets.distribution(p, None, 1.0)
            if shares is None:
                continue
            whole = shares
            heard = (labels[int(shares.argmax())],) if shares.max() >= soft_targets.HEARD else ()
        else:
            strong = soft_targets.unlabelled_frames(p)
            heard = tuple(label for label, value in zip(labels, whole, strict=True) if value >= soft_targets.HEARD)
        out.append(LabelledClip(name, pcm[:0], heard, digest, name, features, strong, soft_labels=whole, pseudo=True))
    return out
