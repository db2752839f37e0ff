"""The sound that a calibration listens to: folders of backgrounds, folders of events, generated sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from soundsdk.errors import DataError
from soundsdk.recording import audio_file
from soundsdk_train.calibration.heard import HeardRecording, Listener
from soundsdk_train.datasets import label_name, recording_of
from soundsdk_train.evaluation.timeline import LEAD_S, lay_out, noise_floor
from soundsdk_train.mixtures.material import groups_of
from soundsdk_train.negatives.generated import KINDS, generated_negative, kind_schedule
from soundsdk_train.negatives.mixing import fits
from soundsdk_train.survey import survey

_CLIP_S = 5.0
_SEED = 0x43414C  # of sound that is generated for no other purpose


def find_backgrounds(labels: Sequence[str], folders: Sequence[Path]) -> list[tuple[Path, str]]:
    """Return all recordings below folders, each with its source, "" if it stands for itself.

    That is the group that a MANIFEST.tsv gives it, or the recording whose takes they are by their names. DataError if a
    folder holds no recordings, or one with the name of a label: those hold events.
    """
    named_so = {label_name(label) for label in labels}
    out: list[tuple[Path, str]] = []
    for folder in folders:
        groups = groups_of(folder if folder.is_dir() else folder.parent)
        # The folders below the one that was given, and its own name.
        for path in audio_file.find(folder):
            inside = [folder.resolve().name, *path.relative_to(folder).parts[:-1]] if folder.is_dir() else []
            named = [part for part in inside if label_name(part) in named_so]
            if named:
                raise DataError(
                    f"{path} is in a folder with the name of a label, {named[0]}, and cannot be background.",
                    "Give folders without events with --background, and events with --events.",
                )
            take = f"{path.parent}/{recording_of(path)}" if recording_of(path) != path.stem else ""
            out.append((path, groups.get(path.name, take)))
    return out


def hours_of(paths: Sequence[Path], on_file: Callable[[int, int], None] | None = None) -> float:
    """Return how many hours recordings last, by decoding them, which takes little of the time that hearing them does.

    Those that cannot be read count nothing. on_file gets how many were decoded, and how many there are.
    """
    facts = survey(paths, on_file)
    return sum(facts[path].seconds for path in paths) / 3600


def hear_backgrounds(
    listener: Listener,
    folders: Sequence[Path],
    on_unreadable: Callable[[str], None],
    on_file: Callable[[int, int], None] = lambda done, of: None,
) -> list[HeardRecording]:
    """Hear all recordings below folders, each after LEAD_S of quiet; their kind is the name of the folder they are in.

    on_file gets how many are done, and how many there are. Raises what find_backgrounds() raises.
    """
    out: list[HeardRecording] = []
    found = find_backgrounds(listener.labels, folders)
    for number, (path, source) in enumerate(found, 1):
        try:
            pcm = audio_file.read(path, listener.rate_hz)
        except DataError as error:
            on_unreadable(error.message)
        else:
            rng = np.random.default_rng([_SEED, len(out)])
            lead = noise_floor(rng, round(LEAD_S * listener.rate_hz))
            seconds = len(pcm) / listener.rate_hz
            sound = np.concatenate([lead, pcm])
            kind = path.parent.name
            out.append(listener.hear(sound, name=path.name, kind=kind, sound_s=seconds, source=source))
        on_file(number, len(found))
    return out


def hear_events(
    listener: Listener,
    folder: Path,
    on_unreadable: Callable[[str], None],
    on_file: Callable[[int], None] = lambda done: None,
) -> list[HeardRecording]:
    """Hear a folder with one folder per label, as evaluate --deployed lays it out; DataError if it has no label.

    on_file gets how many are done.
    """
    out: list[HeardRecording] = []
    for r in lay_out(folder, listener.labels, rate_hz=listener.rate_hz, on_unreadable=on_unreadable):
        out.append(listener.hear(r.pcm, name=r.name, truth=r.truth, kind=r.kind))
        on_file(len(out))
    if not any(r.claims for r in out):
        raise DataError(
            f"{folder} has no folder with the name of a label.", f"The labels are {', '.join(listener.labels)}."
        )
    return out


def hear_generated(listener: Listener, seconds: float, seed: int = 0) -> list[HeardRecording]:
    """Hear generated negatives that no label names, in clips of 5 s; none for other rates than 16 kHz."""
    if listener.rate_hz != 16000:
        return []
    out = []
    for number, kind in enumerate(kind_schedule(round(seconds / _CLIP_S))):
        if fits(KINDS[kind].words.split(), listener.labels):
            pcm = generated_negative(np.random.default_rng([_SEED, seed, number]), kind, _CLIP_S)
            out.append(listener.hear(pcm, name=f"{kind}-{number}", kind=kind, sound_s=_CLIP_S))
    return out
