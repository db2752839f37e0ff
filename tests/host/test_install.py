"""Missing packages and programs: all are named before anything is read, with one command to paste."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from soundsdk import cli
from soundsdk.install import packages, programs

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
# What a distribution is imported as, where that is another name.
MODULES = {"scikit-learn": "sklearn", "paho-mqtt": "paho", "pyelftools": "elftools", "littlefs-python": "littlefs"}


def _without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def _command(text: str) -> list[str]:
    """Return the words of the only command in what was said."""
    (line,) = [line for line in text.splitlines() if " install " in line]
    return shlex.split(line.strip().removeprefix("Run "))


@pytest.mark.parametrize(
    ("words", "missing", "names", "extra"),
    [
        (["train", "--data", "DIR", "-o", "out.tflite"], ["tensorflow"], ["TensorFlow"], "train"),
        (
            ["train", "--data", "DIR", "-o", "out.tflite"],
            ["tensorflow", "flatbuffers"],
            ["TensorFlow and flatbuffers"],
            "train",
        ),
        (
            ["train", "--data", "DIR", "--teacher", "t.onnx", "-o", "out.tflite"],
            ["sklearn", "onnxruntime"],
            ["scikit-learn and onnxruntime"],
            "train,onnx",
        ),
        (["crossval", "--data", "DIR", "-o", "runs"], ["tensorflow", "sklearn"], ["scikit-learn"], "train"),
        (["crossval", "--data", "DIR", "--dask", "tcp://a:1", "-o", "r"], ["distributed"], ["distributed"], "dask"),
        (["record", "--pc", "--label", "a", "--seconds", "1", "-o", "r"], ["sounddevice"], ["sounddevice"], "listen"),
        (["listen"], ["sounddevice"], ["sounddevice"], "listen"),
    ],
)
def test_all_that_is_missing_is_named_before_anything_is_read_with_one_command(
    words: Sequence[str],
    missing: Sequence[str],
    names: Sequence[str],
    extra: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    _without(monkeypatch, *missing)
    # DIR does not exist: reading it would be another error.
    assert cli.run(list(words)) == 7
    said = capfd.readouterr().err
    assert all(name in said for name in names), said
    assert "DIR" not in said
    command = _command(said)
    assert command[1:] == ["-m", "pip", "install", f"soundsdk[{extra}]"]
    assert not (tmp_path / "out.tflite").exists()


def test_with_all_installed_the_data_are_what_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("the extra `train` is not installed")
    monkeypatch.chdir(tmp_path)
    assert cli.run(["train", "--data", "DIR", "-o", "out.tflite"]) != 0
    assert "DIR" in capfd.readouterr().err


def test_the_table_of_extras_is_that_of_pyproject() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    del extras["dev"], extras["docs"]  # no verb needs them
    for extra, requirements in extras.items():
        wanted = {re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in requirements}
        wanted -= {"tflite-micro", "pyyaml"}  # not where they do not exist: soundsdk_train.judge does without
        assert set(packages.EXTRAS[extra]) == {MODULES.get(name, name) for name in wanted}
    assert set(extras) == set(packages.EXTRAS)


def test_the_command_names_this_python_unless_that_is_what_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/a/b/bin/python3")
    monkeypatch.setattr("shutil.which", lambda program: None)
    assert packages.install_command("soundsdk[train]") == '/a/b/bin/python3 -m pip install "soundsdk[train]"'
    monkeypatch.setattr("shutil.which", lambda program: "/a/b/bin/python3" if program == "python" else None)
    assert packages.install_command("esptool") == 'python -m pip install "esptool"'
    monkeypatch.setattr("shutil.which", lambda program: "/usr/bin/python" if program == "python" else None)
    monkeypatch.setattr(sys, "executable", "/my files/bin/python")
    assert packages.install_command("esptool") == '"/my files/bin/python" -m pip install "esptool"'


def test_without_pip_the_command_is_uvs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/a/bin/python")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda program: "/bin/uv" if program == "uv" else None)
    assert packages.install_command("x[y]") == 'uv pip install --python /a/bin/python "x[y]"'


@pytest.mark.parametrize(
    ("there", "platform", "command"),
    [
        ("apt-get", "linux", "sudo apt-get install ffmpeg"),
        ("dnf", "linux", "sudo dnf install ffmpeg"),
        ("brew", "darwin", "brew install ffmpeg"),
        ("", "darwin", "brew install ffmpeg"),
        ("", "win32", "winget install ffmpeg"),
        ("", "linux", "sudo apt-get install ffmpeg"),
    ],
)
def test_a_program_is_installed_with_the_systems_own_manager(
    there: str, platform: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("shutil.which", lambda program: program if program == there else None)
    assert programs.system_install_command("ffmpeg") == command


def test_an_onnx_teacher_named_in_a_settings_file_names_its_package_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundsdk_train.distillation.waveform_models import open_waveform_model

    _without(monkeypatch, "onnxruntime")
    (tmp_path / "t.onnx").write_bytes(b"anything")
    with pytest.raises(packages.MissingPackageError, match="onnxruntime") as caught:
        open_waveform_model(tmp_path / "t.onnx", window_samples=1600)
    assert 'install "soundsdk[onnx]"' in caught.value.hint
