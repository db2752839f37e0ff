"""The comparison of the engines in a process of its own: TensorFlow Lite Micro ends its process where it gives up.

`python -m soundsdk_train.engine_check JUDGE FILE.npz` is that process. The file holds `model` (of the detector)
and the clips as clip0, clip1 …; its answer is one JSON object on standard output: steps, or error and hint.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import CheckError
from soundsdk_train import export
from soundsdk_train.judge import Judge, judge_named

_DIVERGED = "Training may have diverged: lower train.learning_rate. The checkpoint is kept."


def verify_apart(file: bytes, clips: Sequence[NDArray[np.int8]], judge: Judge, command: Sequence[str] = ()) -> int:
    """Do what export.verify() does, in a child process; CheckError also if that process does not survive.

    command: what is run in place of this module, with the judge's name and the path of the file as its last words.
    """
    words = command or (sys.executable, "-m", "soundsdk_train.engine_check")
    with tempfile.TemporaryDirectory(prefix="soundsdk-") as folder:
        path = Path(folder) / "compare.npz"
        held: dict[str, Any] = {f"clip{i}": clip for i, clip in enumerate(clips)}
        np.savez(path, model=np.frombuffer(file, np.uint8), **held)
        done = subprocess.run([*words, judge.name, str(path)], capture_output=True, check=False)
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode == 0 and lines:
        answer = json.loads(lines[-1])
        if "error" in answer:
            raise CheckError(answer["error"], answer["hint"])
        return int(answer["steps"])
    raise CheckError(
        f"{judge.name} cannot run the trained model: its process ended by {_end(done.returncode)}"
        f"{_last(done.stderr)}. Nothing was written.",
        _DIVERGED,
    )


def _end(code: int) -> str:
    """Return how a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _last(said: bytes) -> str:
    """Return the last line that a process wrote, as a clause; empty if it wrote none."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return f", saying {lines[-1][:200]!r}" if lines else ""


def main(judge: str, path: str) -> None:
    """Compare the engines on what a file holds, and print the answer."""
    with np.load(path, allow_pickle=False) as held:
        clips = [held[f"clip{i}"] for i in range(len(held.files) - 1)]
        model = held["model"].tobytes()
    try:
        answer: dict[str, str | int] = {"steps": export.verify(model, clips, judge_named(judge))}
    except CheckError as error:
        answer = {"error": error.message, "hint": error.hint}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
