"""soundsdk adopt of a damaged model: a sentence, whatever numbers in its tables are wrong.

SOUNDSDK_FUZZ: the number of damaged models (60 here; `make fuzz` takes 500). SOUNDSDK_FUZZ_SEED: another seed.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from training_sounds import need

from soundsdk import cli
from soundsdk.errors import ModelError, UsageError
from soundsdk.resources import models_dir

COUNT = int(os.environ.get("SOUNDSDK_FUZZ", "60"))
SEED = int(os.environ.get("SOUNDSDK_FUZZ_SEED", "1"))
LABELS = ("a", "b", "c", "d")
ODD = (0, 1, 3, 64, 255, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@pytest.fixture(scope="module")
def model() -> bytes:
    need("tensorflow")
    pytest.importorskip("tflite_micro", reason="the official interpreter (extra 'train') is for Linux on x86-64 only")
    return (models_dir() / "home.tflite").read_bytes()


def _damaged(rng: random.Random, model: bytes, places: list[int]) -> bytes:
    """Return the model with one to three of its small words changed: lengths, offsets, indices, types, sizes."""
    data = bytearray(model)
    for at in rng.choices(places, k=rng.choice((1, 1, 1, 2, 3))):
        if rng.random() < 0.6:
            data[at : at + 4] = rng.choice(ODD).to_bytes(4, "little")
        else:
            data[at] = rng.randrange(256)
    return bytes(data)


def test_a_damaged_model_ends_in_a_sentence(model: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    from soundsdk_train.adoption import adopt as adoption

    monkeypatch.setattr(adoption, "verify_apart", lambda *_: 0)  # the engines' own tests damage models too
    wishes = [adoption.Wish(LABELS, adoption.read_frontend(None), "x", head) for head in ("softmax", None)]
    places = [at for at in range(0, len(model) - 4, 4) if 0 < int.from_bytes(model[at : at + 4], "little") < 3000]
    rng, refused, wrong = random.Random(SEED), 0, []
    for number in range(COUNT):
        data = _damaged(rng, model, places)
        try:
            adoption.adopt(data, rng.choice(wishes))
        except (ModelError, UsageError):
            refused += 1
        except Exception as error:  # what the command line calls an internal error
            wrong.append((number, repr(error)))
    assert wrong == [], f"seed {SEED}"
    assert refused > COUNT // 4


def test_the_damage_is_said_as_of_a_file_that_is_cut(
    model: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from tensorflow.lite.python import schema_py_generated as schema

    from soundsdk_train.export import serialise

    tables = schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
    tables.subgraphs[0].operators[3].inputs[0] = 9999  # no such tensor
    path = tmp_path / "damaged.tflite"
    path.write_bytes(serialise(tables))
    words = ["--labels", ",".join(LABELS), "--head", "softmax", "-o", str(tmp_path / "out.tflite")]
    assert cli.run(["adopt", str(path), *words]) == 1
    assert " cannot be adopted: its tables are damaged.\n" in capfd.readouterr().err
    assert not (tmp_path / "out.tflite").exists()
