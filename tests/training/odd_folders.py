"""Folders of recordings in the forms that users have. Sounds are short, and each file differs from all others."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
CLASSES = ("beep", "warble", "noise")


def put(path: Path, seconds: float = 0.3, rate: int = RATE, level: float = 0.3) -> Path:
    """Write noise that depends on nothing but the file's name and folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = list("/".join(path.parts[-3:]).encode())
    sound = level * np.clip(np.random.default_rng(seed).standard_normal(round(seconds * rate)) / 3, -1, 1)
    soundfile.write(path, sound.astype(np.float32), rate, format="WAV")
    return path


def classes(root: Path, names: Sequence[str] = CLASSES, count: int = 5) -> Path:
    """Make one folder per class."""
    for name in names:
        for i in range(count):
            put(root / name / f"{name[:8].strip()}{i}.wav")
    return root


def esc(
    root: Path,
    *,
    encoding: str = "utf-8",
    ends: str = "\n",
    delimiter: str = ",",
    table: str = "meta/esc50.csv",
    audio: str = "audio",
    named: Callable[[str], str] = str,
    header: Callable[[str], str] = str,
    number: Callable[[int], str] = str,
    missing: int = 0,
) -> Path:
    """Make ESC-50's form with 3 classes of 6 files in 3 folds, its table written as the arguments say."""
    rows = []
    for k, label in enumerate(CLASSES):
        for i in range(6):
            name = f"{i % 3 + 1}-{k}{i}0-A-{k}.wav"
            if i >= missing:
                put(root / audio / name)
            rows.append([named(name), number(i % 3 + 1), number(k), label, "True", f"{k}{i}0", "A"])
    path = root / table
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=ends)
        writer.writerow([header(c) for c in ("filename", "fold", "target", "category", "esc10", "src_file", "take")])
        writer.writerows(rows)
    return root


def urbansound8k(root: Path, table: str = "metadata/UrbanSound8K.csv", audio: str = "audio/") -> Path:
    """Make UrbanSound8K's form with 3 classes of 10 files in 10 folds."""
    path = root / table
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class"])
        for k, label in enumerate(("air_conditioner", "car_horn", "dog_bark")):
            for i in range(10):
                name = f"{k}{i}-{k}-0-0.wav"
                put(root / f"{audio}fold{i + 1}" / name)
                writer.writerow([name, f"{k}{i}", 0, 0.5, 1, i + 1, k, label])
    return root


def table(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    """Write a table with commas."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path
