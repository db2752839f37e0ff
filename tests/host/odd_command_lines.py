"""Odd command lines, drawn at random from a seed: what people mistype, and files that are not what they seem."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import soundfile

import odd_sounds
from sim.tiny_model import build, metadata
from soundsdk import cli
from soundsdk.models.shipped import load_model

_NUMBERS = ("0", "1", "2", "-1", "3.5", "nan", "inf", "-inf", "1e308", "9" * 30, "", "x", "1,5", "0x10", "٣", " 2")
_WORDS = ("", " ", "-", "--", "auto", "home", "hmoe", "siren", "Sirèn", "警笛", "a/b", "..", "x" * 300, "\n", "\x1b[3m")
_ADDRESSES = (
    "", "auto", "nonsense", "id:", "id:x", "port:", "port:/nowhere", "/dev/null", "sim:", "sim:nope", "sim:sim",
    "sim:rpi_pico", "sim:sim,noise=2", "sim:sim,noise=x", "sim:sim,model=/nowhere", "sim:sim,file=/nowhere",
    "sim:sim,,", "sim:sim,seed=-1", "socket://", "socket://127.0.0.1", "socket://127.0.0.1:1", "socket://127.0.0.1:99999",
    "rfc2217://127.0.0.1:1", "rfc2217://x:y", "http://127.0.0.1", "COM99", "a" * 300,
)  # fmt: skip
_BROKERS = ("", "mqtt://", "mqtt://127.0.0.1:1", "mqtts://127.0.0.1:1/a/b", "mqtt://u:p%zz@127.0.0.1:x", "x")
_SETTINGS = ("threshold=0.5", "threshold.siren=0.5", "threshold.sirn=0.5", "off=2", "on=1", "=", "min_ms=1.5", "x.y=1")
_CONFIGS = (
    "", "x", "[train]\nepochs = 0\n", "[train]\nlearning_rate = nan\n", "[frontend]\nhop = 0\n",
    "[model]\nblocks = 3\n", "[detector]\non = 1\noff = 2\n", "train = 1\n", "[scenes]\ncount = 3\nlabels = []\n",
    "\udcff", "seed = -1\n",
    "[data]\nnegatives = ['no']\n", "[teacher_file]\nmap = 3\n", "[model]\nhead = 'x'\n", "name = ''\n[[train]]\n",
)  # fmt: skip


@dataclass
class OddFiles:
    """Paths that command lines name, by what they are given for."""

    sounds: list[str]
    models: list[str]
    folders: list[str]
    configs: list[str]
    outputs: list[str]

    @property
    def any(self) -> list[str]:
        """All of them."""
        return [*self.sounds, *self.models, *self.folders, *self.configs, *self.outputs]


def write_files(root: Path) -> OddFiles:
    """Write small sounds, models, folders and settings, most of them wrong in some way."""
    rng = np.random.default_rng(1)
    files = OddFiles([], [], [], [], [])
    missing, nul = str(root / "missing" / "x"), "/dev/null"
    for i, name in enumerate(sorted([*odd_sounds.READABLE, *odd_sounds.REFUSED])[::6]):
        (root / f"sounds{i}").mkdir()
        files.sounds.append(str(odd_sounds.write(root / f"sounds{i}", name)))
    good = root / "good sound.wav"
    soundfile.write(good, rng.normal(0, 0.05, 24000), 16000)
    files.sounds += [str(good), missing, nul, str(root), ""]
    home = load_model("home").data
    for name, data in {
        "good": home, "half": home[:40_000], "tones": build(metadata()), "bare": build(None), "empty": b"",
        "deaf": build(metadata(labels=["high", "high"])), "text": b"hello\n", "zip": b"PK\x03\x04" + bytes(99),
    }.items():  # fmt: skip
        path = root / f"{name}.tflite"
        path.write_bytes(data)
        files.models.append(str(path))
    files.models += ["home", "esc10", "hmoe", missing, nul, str(root), ""]
    for name, classes in {
        "one clip": {"siren": 1}, "no sound": {}, "two": {"siren": 1, "background": 1},
        "names": {"...": 1, "\u200b": 1},
    }.items():  # fmt: skip
        for label, count in classes.items():
            (root / name / label).mkdir(parents=True)
            for i in range(count):
                soundfile.write(root / name / label / f"{i}.wav", rng.normal(0, 0.05, 4000), 16000)
        (root / name).mkdir(exist_ok=True)
        files.folders.append(str(root / name))
    table = root / "table"
    table.mkdir()
    (table / "labels.csv").write_text("filename;label\n../../etc/passwd;x\nmissing.wav;\n")
    (root / "silent" / "siren").mkdir(parents=True)
    soundfile.write(root / "silent" / "siren" / "a.wav", np.zeros(4000), 16000)
    files.folders += [str(table), str(root / "silent"), missing, nul, str(good), ""]
    for i, text in enumerate(_CONFIGS):
        path = root / f"{i}.toml"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        files.configs.append(str(path))
    files.configs += [missing, nul, str(root)]
    out = root / "out"
    names = ("a.tflite", "a.png", "a.html", "a.jsonl", "no/such/a.tflite", "x" * 300)
    files.outputs = [*(str(out / name) for name in names), str(out), str(good / "a.tflite")]
    files.outputs += ["/dev/full", "", "/proc/x/a"]
    return files


def command_line(rng: random.Random, files: OddFiles) -> list[str]:
    """Draw one command line: a verb with some of its arguments and options, often wrong, now and then garbled."""
    verb = rng.choice(list(cli.VERBS))
    command = cli.cli.get_command(click.Context(cli.cli), verb)
    assert command is not None
    words = [verb]
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            if rng.random() < 0.9:
                words += [_value(rng, parameter, files, verb) for _ in range(rng.choice((1, 1, 1, 2)))]
        elif isinstance(parameter, click.Option) and (
            rng.random() < (0.92 if parameter.required else 0.2) or _bounds(verb, parameter)
        ):
            words.append(rng.choice(parameter.opts))
            if not parameter.is_flag:
                words.append(_value(rng, parameter, files, verb))
    if rng.random() < 0.08:
        words.insert(rng.randrange(len(words) + 1), rng.choice(("--", "--no-such", "-", "-x", "--help", "--json", "")))
    if rng.random() < 0.04:
        words = rng.sample(words, len(words))
    return words


def _bounds(verb: str, parameter: click.Option) -> bool:
    """Return True for an option without which a verb runs for ever."""
    return verb == "monitor" and parameter.name == "seconds"


def _value(rng: random.Random, parameter: click.Parameter, files: OddFiles, verb: str) -> str:
    if rng.random() < 0.05:
        return rng.choice([*_NUMBERS, *_WORDS, *files.any])
    return rng.choice(_pool(parameter, files, verb))


def _pool(parameter: click.Parameter, files: OddFiles, verb: str) -> Sequence[str]:
    """Return what may be given for a parameter."""
    name = parameter.name or ""
    pools: dict[str, Sequence[str]] = {
        "port": _ADDRESSES, "mqtt": _BROKERS, "changes": _SETTINGS, "config": files.configs, "board": _BOARDS,
        "models": files.models, "start": files.models, "teacher": files.models, "firmware": files.models,
        "output": files.outputs, "plot": files.outputs, "html": files.outputs, "log": files.outputs,
        "table": files.outputs, "tensorboard": files.outputs, "audio": files.sounds, "path": files.sounds,
        "paths": files.sounds, "truth": files.configs, "workers": ("", "x", "127.0.0.1:1,127.0.0.1:2", "a:b,c:d"),
        "sets": ("x", "a=", "=b", *(f"a={folder}" for folder in files.folders)),
        "seconds": ("0.5", "1", "0", "-1", "nan", "x") if verb != "evaluate-scenes" else ("8", "7", "nan"),
    }  # fmt: skip
    if name == "model":
        # What comes with soundsdk is not to be written over.
        return [one for one in files.models if "/" in one] if verb == "calibrate" else files.models
    if name in ("data", "background", "backgrounds", "events", "unlabelled", "material"):
        return files.folders
    if name in pools:
        return pools[name]
    if isinstance(parameter.type, click.Choice):
        return [*map(str, parameter.type.choices), "x", ""]
    return _NUMBERS if isinstance(parameter.type, (click.types.IntParamType, click.types.FloatParamType)) else _WORDS


_BOARDS = ("rpi_pico", "esp32c3_devkit", "sim", "unix", "rpi_pco", "", "../rpi_pico", "x" * 300)
