"""Calls of every verb that has --json, and what they need: a detector, recordings, boards."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import soundfile
from tone_boards import MODEL, RATE_HZ, beeps

from soundsdk import cli


def command(verb: str) -> click.Command:
    found = cli.cli.get_command(click.Context(cli.cli), verb)
    assert found is not None
    return found


JSON = [verb for verb in cli.VERBS if any(p.name == "as_json" for p in command(verb).params)]
# Verbs whose work takes minutes, a tool or a board in its boot loader: their printing alone is done.
PRINTING_ONLY = ("build", "profile", "flash", "install", "uninstall", "train", "crossval", "selftest")
ON_BOARDS = ("devices", "doctor", "info", "record", "mic-test", "push", "monitor", "set", "selftest")


def fill(folder: Path) -> None:
    """Write a detector, recordings of its labels, and long sound without them."""
    (folder / "tone.tflite").write_bytes(MODEL)
    quiet = np.zeros(60 * RATE_HZ, np.int16)
    for place, sound in (("data/high", beeps(1)), ("data/low", beeps(2)[RATE_HZ:]), ("quiet/noise", quiet)):
        (folder / place).mkdir(parents=True)
        soundfile.write(folder / place / "a.wav", sound, RATE_HZ)


def words_of(verb: str, folder: Path) -> list[str]:
    """Return a call of a verb that prints JSON."""
    model, data, quiet = (str(folder / name) for name in ("tone.tflite", "data", "quiet"))
    return {
        "build": ["rpi_pico", "-o", str(folder / "image.uf2")],
        "profile": ["rpi_pico"],
        "flash": ["rpi_pico"],
        "install": ["-m", model],
        "uninstall": [],
        "train": ["--data", data, "-o", str(folder / "trained.tflite")],
        "crossval": ["--data", data, "-o", str(folder / "folds")],
        "adopt": [model, "--labels", "high,low", "--head", "softmax", "-o", str(folder / "adopted.tflite")],
        "demo": ["-o", str(folder / "demo"), "-m", model],
        "sim": [str(folder / "data" / "high" / "a.wav"), "-m", model],
        "evaluate-scenes": [model, "--seeds", "1", "--seconds", "10"],
        "monitor": ["--seconds", "2"],
        "listen": ["--seconds", "2", "-m", model],
        "set": ["threshold=0.8", "--until-restart"],
        "boards": ["xiao"],
        "devices": [],
        "doctor": [],
        "data": [data],
        "info": [],
        "record": ["--label", "a", "--seconds", "1", "-o", str(folder / "recorded")],
        "mic-test": [],
        "push": [model],
        "selftest": ["-m", model, "-o", str(folder / "selftest.json")],
        "explain": [str(folder / "data" / "high" / "a.wav"), "-m", model],
        "evaluate": [model, "--data", data],
        "bench": [model, "--set", f"tones={data}", "--table", str(folder / "bench.json")],
        "mine": [model, "--audio", quiet, "-o", str(folder / "mined")],
        "calibrate": [model, "--max-fa-per-hour", "1000", "--background", quiet],
    }[verb]
