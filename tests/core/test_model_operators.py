"""Every operator equals TensorFlow Lite Micro to the byte, on random models of that operator alone."""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundcore

pytest.importorskip("tflite_micro", reason="the official interpreter (extra 'train') is for Linux on x86-64 only")
from model_generator import GENERATORS
from tflm import differences, interpreter, random_inputs

MODELS_EACH = int(os.environ.get("SOUNDSDK_MODELS_EACH", "24"))
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SOUNDSDK_DATA", ROOT.parent / "shared" / "data")) / "models"


@pytest.mark.parametrize("name", GENERATORS)
def test_operator_equals_tflm(name: str) -> None:
    equal, seed = 0, 0
    while equal < MODELS_EACH:
        seed += 1
        assert seed <= 2 * MODELS_EACH, "the interpreter refuses most of the generated models"
        rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
        buf = GENERATORS[name](rng)
        try:
            reference = interpreter(buf)
        except RuntimeError:
            continue  # beyond what the reference takes: there is no right answer
        model = soundcore.Model(buf)
        for _ in range(2):
            wrong = differences(model, reference, random_inputs(model, rng))
            assert not wrong, f"{name} seed {seed}: {'; '.join(wrong)}"
        equal += 1


def test_every_operator_of_the_table_is_compared() -> None:
    table = (ROOT / "firmware/cmodules/soundcore/nn/ops.h").read_text(encoding="utf-8")
    assert set(GENERATORS) == set(re.findall(r"^    X\((\w+),", table, re.MULTILINE))
    assert len(GENERATORS) * 24 >= 300


@pytest.mark.parametrize("name", ["conv", "ds", "fc"])
def test_benchmark_model_gives_its_recorded_output(name: str) -> None:
    if not (DATA / f"{name}.tflite").is_file():
        pytest.skip(f"no {name}.tflite in {DATA}: set SOUNDSDK_DATA")
    model = soundcore.Model((DATA / f"{name}.tflite").read_bytes())
    model.input(0)[:] = np.fromfile(DATA / f"{name}.in", np.int8)
    model.invoke()
    assert bytes(model.output(0)) == (DATA / f"{name}.out").read_bytes()


@pytest.mark.parametrize("name", ["conv", "ds", "fc"])
def test_benchmark_model_equals_tflm(name: str) -> None:
    if not (DATA / f"{name}.tflite").is_file():
        pytest.skip(f"no {name}.tflite in {DATA}: set SOUNDSDK_DATA")
    buf = (DATA / f"{name}.tflite").read_bytes()
    model, reference, rng = soundcore.Model(buf), interpreter(buf), np.random.default_rng(1)
    for _ in range(20):
        assert not differences(model, reference, random_inputs(model, rng))
