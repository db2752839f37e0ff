"""The memory of a network in both engines, as `soundsdk info` and `profile` tell it."""

from __future__ import annotations

import importlib.util
import json

import pytest

from soundsdk import cli
from soundsdk.models import engines
from soundsdk.models.shipped import load_model


def test_info_tells_the_memory_of_both_engines(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tflite_micro", reason="the official interpreter (extra 'train') is for Linux on x86-64 only")
    assert cli.run(["info", "esc10", "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)
    found = facts["engines"]
    assert 10_000 < found["soundcore"] < facts["arena_bytes"]
    assert found["soundcore"] < found["tflm"] < 100_000
    assert cli.run(["info", "esc10"]) == 0
    line = f"network {found['soundcore']} bytes in soundcore, {found['tflm']} in TensorFlow Lite Micro"
    assert line in capfd.readouterr().out


def test_without_the_package_only_soundcores_is_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "tflite_micro" else there(name))
    data = load_model("esc10").data
    assert engines.arenas(data).tflm is None
    assert str(engines.arenas(data)).endswith("bytes in soundcore")
    assert cli.run(["info", "esc10"]) == 0
    assert "network" not in capfd.readouterr().out


def test_an_interpreter_that_ends_its_process_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    # Private: nothing that a file can hold makes the interpreter abort on every computer.
    monkeypatch.setattr(engines, "_ASK", "import os; print('Arena allocation total 5 bytes'); os.abort()")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert engines.arenas(load_model("esc10").data).tflm is None
