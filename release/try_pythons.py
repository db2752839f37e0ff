"""Try soundsdk on every Python it is for: build the wheel, install it in an empty environment, use it, train with it.

Usage: python release/try_pythons.py [-o DIR] [--short] [VERSION ...]     (default: 3.10 3.11 3.12 3.13)

An interpreter is looked for as python3.X on the PATH, with `uv python find`, and under PYENV_ROOT; one that is not to
be had is skipped, and said so. `--short` ends before the training. Exit code 1 if something failed, or no interpreter
was found. Everything lies in DIR/3.X, with what was printed in DIR/3.X/log.txt.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from soundsdk.errors import EXIT_TOOL

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
_TIMEOUT_S = 3600
_PROBE = "import lzma, ssl, venv, sys; print('%d.%d' % sys.version_info[:2])"  # what soundsdk needs of a Python
_SETTINGS = ROOT / "release" / "quick.toml"


class StepError(Exception):
    """A step did not end as it should."""


def find_python(version: str) -> str | None:
    """Return an interpreter of this version (as 3.12) that runs and is complete; None if there is none."""
    candidates = [shutil.which(f"python{version}")]
    if uv := shutil.which("uv"):
        words = [uv, "python", "find", "--no-project", "--no-python-downloads", version]
        found = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        candidates.append(found.stdout.strip() if found.returncode == 0 else None)
    if root := os.environ.get("PYENV_ROOT"):
        installed = sorted(Path(root).glob(f"versions/{version}.*/bin/python"))
        candidates += [str(path) for path in installed]
    return next((path for path in candidates if path and _runs(path, version)), None)


def _runs(python: str, version: str) -> bool:
    try:
        done = subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and done.stdout.strip() == version


class Trial:
    """One interpreter's environment, and the steps in it."""

    def __init__(self, python: str, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._python, self._folder = python, folder
        self._env = folder / "env"
        self._log = folder / "log.txt"

    def try_all(self, short: bool) -> str:
        """Build, install, use and, unless short, train; return what was done. StepError names what failed."""
        began = os.times()
        self._run([self._python, "-m", "venv", str(self._env)])
        python = self._program("python")
        words = [python, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(self._folder)]
        self._run([*words, f"--config-settings=build-dir={self._folder / 'build'}", str(ROOT)])
        (wheel,) = self._folder.glob("*.whl")
        self._run([python, "-m", "pip", "install", "--quiet", str(wheel)])
        self._use()
        done = "wheel, --version, info, doctor, sim, demo"
        if not short:
            done += self._train()
        now = os.times()
        used_s = now.children_user + now.children_system - began.children_user - began.children_system
        return f"{done}: {used_s:.0f} s of processor time"

    def _program(self, name: str) -> str:
        return str(self._env / ("Scripts" if os.name == "nt" else "bin") / name)

    def _run(self, words: Sequence[str], codes: Sequence[int] = (0,)) -> str:
        """Run a program in the trial's folder; return what it printed. StepError if it ends with another code."""
        # Neither the checkout nor the packages of whoever runs this may stand in for what the wheel lacks.
        env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        env |= {"SOUNDSDK_CACHE": str(self._folder / "cache"), "PYTHONNOUSERSITE": "1"}
        done = subprocess.run(
            words, cwd=self._folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"$ {shlex.join(words)}\n{done.stdout}")
        if done.returncode not in codes:
            end = "\n".join(done.stdout.splitlines()[-15:])
            raise StepError(f"{shlex.join(words)} ended with {done.returncode}:\n{end}")
        return done.stdout

    def _soundsdk(self, *words: str, codes: Sequence[int] = (0,)) -> str:
        return self._run([self._program("soundsdk"), *words], codes)

    def _use(self) -> None:
        self._soundsdk("--version")
        self._soundsdk("info", "home")
        self._soundsdk("doctor", codes=(0, 6))  # 6: there is something to do, as without a board
        clip = self._folder / "alarm.wav"
        _write_alarm(clip)
        events = self._soundsdk("sim", str(clip))
        if '"label":"smoke_alarm","edge":"on"' not in events:
            raise StepError(f"soundsdk sim finds no smoke alarm:\n{events}")
        if "events found" not in self._soundsdk("demo", "-o", str(self._folder / "demo")):
            raise StepError("soundsdk demo prints no result.")

    def _train(self) -> str:
        """Install what the command asks for, by the line that it prints, and train; return what was done."""
        sounds, config = self._folder / "sounds", self._folder / "tiny.toml"
        _write_sounds(sounds)
        config.write_text(_SETTINGS.read_text(encoding="utf-8"), encoding="utf-8")
        words = ["train", "--data", str(sounds), "--from", "none", "--config", str(config), "-o", "tiny.tflite"]
        said = self._soundsdk(*words, codes=(EXIT_TOOL,))
        (line,) = [line for line in said.splitlines() if " install " in line]
        try:
            self._run(shlex.split(line.strip().removeprefix("Run ")))
        except StepError as error:
            if "No matching distribution found" not in str(error):
                raise
            return f"; training skipped, as a package does not exist for it: {str(error).splitlines()[-1]}"
        self._soundsdk(*words)
        told = self._soundsdk("info", "tiny.tflite")
        (judge,) = [line.strip() for line in told.splitlines() if "checked against" in line]
        self._soundsdk("sim", "-m", "tiny.tflite", str(next(sounds.glob("tone/*.wav"))))
        return f", train ({judge.partition(':')[0]})"


def _write_wave(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def _write_alarm(path: Path) -> None:
    """Write 20 s of a smoke alarm: the three pulses of ISO 8201 at 3.1 kHz, over faint noise."""
    t = np.arange(20 * 16000) / 16000
    cycle = t % 4
    on = (cycle < 3) & (cycle % 1 < 0.5) & (t > 2)
    tone = np.sign(np.sin(2 * np.pi * 3100 * t)) * 0.2 * on
    _write_wave(path, tone + np.random.default_rng(1).normal(0, 0.002, len(t)))


def _write_sounds(folder: Path) -> None:
    """Write ten clips of a tone and ten of noise, a second each."""
    rng = np.random.default_rng(2)
    t = np.arange(16000) / 16000
    for i in range(10):
        _write_wave(folder / "tone" / f"{i}.wav", 0.3 * np.sin(2 * np.pi * rng.uniform(800, 1200) * t))
        _write_wave(folder / "background" / f"{i}.wav", rng.normal(0, 0.1, len(t)))


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Try soundsdk on every Python it is for.")
    parser.add_argument("versions", nargs="*", default=VERSIONS, metavar="VERSION", help="such as 3.12")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "build" / "pythons", help="folder")
    parser.add_argument("--short", action="store_true", help="end before the training")
    given = parser.parse_args()
    results = {}
    for version in given.versions:
        python = find_python(version)
        if python is None:
            print(f"Python {version}: SKIPPED, there is no python{version} here (PATH, uv, PYENV_ROOT)", flush=True)
            continue
        began = time.monotonic()
        trial = Trial(python, given.output.resolve() / version)
        try:
            done, results[version] = trial.try_all(given.short), True
        except (StepError, subprocess.TimeoutExpired) as error:
            done, results[version] = f"FAILED: {error}", False
        print(f"Python {version} ({python}): {done}, {time.monotonic() - began:.0f} s", flush=True)
    if not results:
        print("no Python was tried", flush=True)
    return 0 if results and all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
