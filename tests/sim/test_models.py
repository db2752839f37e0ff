"""Detectors by name or path."""

from __future__ import annotations

from pathlib import Path

import pytest

from soundsdk.errors import UsageError
from soundsdk.models import shipped as models


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    known = tmp_path / "known"
    known.mkdir()
    for name in ("home", "esc10"):
        (known / f"{name}.tflite").write_bytes(b"")
    monkeypatch.setattr(models, "models_dir", lambda: known)
    monkeypatch.chdir(tmp_path)
    return known


def test_a_bare_name_is_a_detector_that_comes_with_soundsdk(folder: Path) -> None:
    assert models.find_model() == folder / "home.tflite"
    assert models.find_model("esc10") == folder / "esc10.tflite"


def test_a_folder_of_that_name_is_not_in_the_way(folder: Path) -> None:
    Path("home").mkdir()
    assert models.find_model("home") == folder / "home.tflite"


def test_a_path_is_taken_as_it_is(folder: Path) -> None:
    assert models.find_model("my/own.tflite") == Path("my/own.tflite")
    assert models.find_model("own.tflite") == Path("own.tflite")
    Path("plain").write_bytes(b"")
    assert models.find_model("plain") == Path("plain")


def test_an_unknown_name_names_the_known_ones(folder: Path) -> None:
    with pytest.raises(UsageError) as e:
        models.find_model("hom")
    assert "hom" in e.value.message
    assert "esc10, home" in e.value.hint
