"""A user's own Keras settings change nothing of a training, and a training changes none of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from training_sounds import need, write_few

CONFIG = (
    "[model]\nstem_filters = 4\nblocks = [[8, 2, 2], [8, 2, 2]]\ngru_units = 8\n"
    "[train]\nepochs = 1\nbatch = 8\nwindow_frames = 56\nwarmup_epochs = 0\n"
    "[calibration]\nuse = false\n[quantize]\nclips_per_class = 2\n[waveform]\nvariants = 0\n[negatives]\nuse = false\n"
)
ODD = {"floatx": "float64", "epsilon": 0.01, "backend": "torch", "image_data_format": "channels_first"}
MANY = {
    "KERAS_BACKEND": "jax",
    "TF_USE_LEGACY_KERAS": "1",
    "KERAS_MAX_EPOCHS": "0",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "KERAS_NNX_ENABLED": "true",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with recordings, settings that train on them in seconds, and homes with keras.json."""
    need("tensorflow")
    root = tmp_path_factory.mktemp("keras")
    write_few(root / "data")
    (root / "c.toml").write_text(CONFIG)
    texts = {"plain": None, "odd": json.dumps(ODD), "half": json.dumps({"floatx": "float16"}), "broken": '{"floatx": 7'}
    texts |= {"wrong": '{"floatx": "float8", "epsilon": "small"}'}
    for name, text in texts.items():
        (root / name).mkdir()
        if text is not None:
            (root / name / ".keras").mkdir()
            (root / name / ".keras" / "keras.json").write_text(text)
    return root


def train(project: Path, name: str, home: str, **environment: str) -> bytes:
    """Train in a process with the home of a user; return the detector."""
    out = project / f"{name}.tflite"
    words = ["train", "--data", str(project / "data"), "--config", str(project / "c.toml"), "--from", "none"]
    env = {key: value for key, value in os.environ.items() if "KERAS" not in key}
    env |= {"HOME": home, "SOUNDSDK_CACHE": str(project / "cache"), "TF_NUM_INTRAOP_THREADS": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-m", "soundsdk", *words, "--name", "bell", "-o", str(out)],
        env=env, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


@pytest.fixture(scope="module")
def plain(project: Path) -> bytes:
    """Return the detector that a user without any Keras settings gets."""
    made = train(project, "plain", str(project / "plain"))
    assert not (project / "plain" / ".keras").exists()
    return made


def test_a_backend_a_data_format_and_a_type_of_their_own_give_the_same_bytes(project: Path, plain: bytes) -> None:
    file = project / "odd" / ".keras" / "keras.json"
    before = file.read_text()
    assert train(project, "odd", str(project / "odd"), **MANY) == plain
    assert file.read_text() == before


def test_a_broken_file_in_a_home_that_cannot_be_written_gives_the_same_bytes(project: Path, plain: bytes) -> None:
    nowhere = str(project / "c.toml" / "home")  # below a file: not even root makes it
    assert train(project, "broken", nowhere, KERAS_HOME=str(project / "broken" / ".keras")) == plain


IMPORTS = """
import os, sys
from soundsdk_train.own_keras import own_keras
def of_keras():
    return {name: value for name, value in os.environ.items() if "KERAS" in name}

before = of_keras()
with own_keras():
    import keras
    got = keras.config.backend(), keras.config.floatx(), keras.config.image_data_format(), keras.config.epsilon()
    assert got == ("tensorflow", "float32", "channels_last", 1e-7), got
    assert keras.config.max_epochs() is None
assert of_keras() == before
"""


@pytest.mark.parametrize("home", ["half", "wrong"])
def test_the_environment_and_the_file_are_read_only_by_programs_of_the_user(project: Path, home: str) -> None:
    env = {**os.environ, **MANY, "KERAS_HOME": str(project / home / ".keras")}
    done = subprocess.run([sys.executable, "-c", IMPORTS], env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def of_the_user() -> Iterator[Any]:
    """Change all settings of this process's Keras, and put them back."""
    need("tensorflow")
    import keras

    config = keras.config
    before = config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy()
    config.set_floatx("float64")
    config.set_epsilon(0.01)
    config.set_image_data_format("channels_first")
    config.set_dtype_policy("mixed_float16")
    yield config
    config.set_floatx(before[0])
    config.set_epsilon(before[1])
    config.set_image_data_format(before[2])
    config.set_dtype_policy(before[3])


def test_a_keras_that_is_already_imported_gets_its_settings_back(of_the_user: Any) -> None:
    from soundsdk_train.own_keras import own_keras

    config = of_the_user

    def settings() -> tuple[str, float, str, str]:
        return config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy().name

    def train_and_fail() -> None:
        with own_keras():
            assert settings()[:3] == ("float32", 1e-7, "channels_last")
            config.set_dtype_policy("float32")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        train_and_fail()
    assert settings() == ("float64", 0.01, "channels_first", "mixed_float16")


def test_a_keras_that_runs_on_something_else_is_named_before_anything_is_read(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import keras

    from soundsdk import cli

    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    words = ["train", "--data", str(project / "data"), "-o", str(project / "none.tflite")]
    assert cli.run(words) == 2
    assert "soundsdk: Keras runs on jax in this process, and training needs TensorFlow." in capfd.readouterr().err
    assert not (project / "none.tflite").exists()
