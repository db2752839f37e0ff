"""Dataset folders that `soundsdk train` reads: one folder per class, WAV files, a JSON sidecar for each take.

A take without a gap is LABEL/NAME.wav. One with gaps is not filled with silence: its pieces are LABEL/NAME/00.wav,
01.wav, …, which training counts as one recording. LABEL/NAME.json lists the gaps and the origin of the sound.
"""

from __future__ import annotations

import io
import json
import math
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.device.audio_lines import Take
from soundsdk.errors import DataError, UsageError
from soundsdk.labels import MOST_LABEL_BYTES, format_audacity
from soundsdk.whole_file import write_results

MIN_PIECE_S = 0.25  # shorter ones are useless to training; the sidecar lists them
_NOT_IN_A_LABEL = re.compile(r"[/\\]")


def check_label(label: str) -> str:
    """Return a label that can name a folder and that a board takes; UsageError if it cannot."""
    length = len(label.encode(errors="replace"))
    if length > MOST_LABEL_BYTES:
        raise UsageError(
            f"{label[:20]!r}… has {length} bytes in UTF-8, and a board takes labels of {MOST_LABEL_BYTES}.",
            "Shorten it.",
        )
    plain = label.isprintable() and label.strip() == label and not label.startswith(".")
    if not label or not plain or _NOT_IN_A_LABEL.search(label):
        raise UsageError(f"{label!r} cannot be a label: it becomes the name of a folder.", "Use a plain word.")
    return label


def dbfs(value: float, full: float) -> float:
    """Return 20 log10(value / full) with one decimal; -120 for 0."""
    return round(max(-120.0, 20 * math.log10(value / full)), 1) if value > 0 else -120.0


def levels(pcm: NDArray[np.int16]) -> dict[str, Any]:
    """Return rms_dbfs (0 dB: a full-scale sine), peak_dbfs (0 dB: full scale) and clipped (samples at either end)."""
    if not len(pcm):
        return {"rms_dbfs": -120.0, "peak_dbfs": -120.0, "clipped": 0}
    x = pcm.astype(np.float64)
    return {
        "rms_dbfs": dbfs(float(np.sqrt((x * x).mean())), 32768 / math.sqrt(2)),
        "peak_dbfs": dbfs(float(np.abs(x).max()), 32768),
        "clipped": int(np.count_nonzero((pcm >= 32767) | (pcm <= -32768))),
    }


def _free_name(folder: Path, label: str, moment: float) -> str:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
    # Not LABEL-…-A: training takes such names for parts of one recording.
    base = f"{re.sub(r'[^A-Za-z0-9_]+', '_', label)}-{stamp}"
    for number in range(1000):
        name = f"{base}-{number:03d}"
        if not any((folder / f"{name}{end}").exists() for end in (".wav", ".json", "")):
            return name
    raise DataError(f"{folder} has a thousand recordings of this second.", "Give another folder.")


def write(
    dataset: Path, label: str, take: Take, facts: dict[str, Any], moment: float | None = None, *, labels: bool = False
) -> list[Path]:
    """Write a take and its sidecar; return the path of the sidecar, then those of the sound files.

    facts: more members of the sidecar. moment: the start of the take, seconds since 1970. labels: beside each
    sound file also an Audacity label track, NAME.txt, of what the board's detector reported, to be corrected by hand
    and trained on; none where it reported nothing. All files are written, or none: OutputError if they cannot be, which
    says where they are instead.
    """
    moment = time.time() if moment is None else moment
    folder = dataset / check_label(label)
    try:
        name = _free_name(folder, label, moment)
        shortest = MIN_PIECE_S * take.rate_hz if take.gaps else 1
        long = [piece for piece in take.pieces if len(piece.pcm) >= shortest]
        split = bool(take.gaps)
        files: list[Path] = []
        contents: dict[Path, bytes] = {}
        for number, piece in enumerate(long):
            path = folder / name / f"{number:02d}.wav" if split else folder / f"{name}.wav"
            contents[path] = _wav(piece.pcm, take.rate_hz)
            files.append(path)
            spans = take.spans(piece.at, len(piece.pcm)) if labels else []
            if spans:
                contents[path.with_suffix(".txt")] = ("\n".join(format_audacity(spans)) + "\n").encode()
        every = np.concatenate([piece.pcm for piece in take.pieces]) if take.pieces else np.zeros(0, np.int16)
        sidecar = {
            "label": label,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)),
            **facts,
            "rate_hz": take.rate_hz,
            "at": take.at,
            "samples": take.samples,
            "captured": take.captured,
            "lost": take.lost,
            "lost_board": take.lost_board,
            "whole": take.whole,
            "interrupted": take.interrupted,
            "gaps": [{"at": at, "samples": samples} for at, samples in take.gaps],
            "files": [
                {"file": path.relative_to(folder).as_posix(), "at": piece.at - take.at, "samples": len(piece.pcm)}
                for path, piece in zip(files, long, strict=True)
            ],
            "not_written": [
                {"at": piece.at - take.at, "samples": len(piece.pcm)}
                for piece in take.pieces
                if len(piece.pcm) < shortest
            ],
            **levels(every),
        }
        if take.trigger is not None:
            event = take.trigger
            sidecar["trigger"] = {"label": event.label, "at": event.time_samples - take.at, "score": event.peak}
        path = folder / f"{name}.json"
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}.", "Give another folder.") from error
    contents[path] = (json.dumps(sidecar, indent=1) + "\n").encode()
    write_results(contents)
    return [path, *files]


def _wav(pcm: NDArray[np.int16], rate_hz: int) -> bytes:
    """Return a WAV file of mono samples."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, pcm, rate_hz, subtype="PCM_16", format="WAV")
    return file.getvalue()
