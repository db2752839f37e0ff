"""The memory of a model that is taken before soundfw is loaded: of which file, and what is read into it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soundfw.storage import model_memory

SIZES = {"detector.tflite": 1000, "slot_a.tflite": 2000, "slot_b.tflite": 3000, "own.tflite": 4000}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    for name, size in SIZES.items():
        (tmp_path / name).write_bytes(name[:8].encode() * (size // 8))
    yield tmp_path
    # The memory is the module's: virtual boards of other tests must not share it.
    for path in tmp_path.iterdir():
        path.unlink()
    model_memory.reserve()


def contents(name: str) -> bytes:
    return name[:8].encode() * (SIZES[name] // 8)


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "installed": ({}, {}, "detector.tflite"),
    "settings": ({"model": "own.tflite"}, {}, "own.tflite"),
    "pushed": ({}, {"active": "a"}, "slot_a.tflite"),
    "on trial": ({}, {"active": "a", "trial": "b", "tried": False}, "slot_b.tflite"),
    "trial ended": ({}, {"active": "a", "trial": "b", "tried": True}, "slot_a.tflite"),
    "odd state": ({}, {"active": 7}, "detector.tflite"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_memory_is_that_of_the_model_that_will_run(folder: Path, case: str) -> None:
    settings, state, name = CASES[case]
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "slots.json").write_text(json.dumps(state))
    model_memory.reserve()
    first = model_memory.read(name)
    assert bytes(first) == contents(name)
    assert model_memory.held_bytes(first) == SIZES[name]
    assert model_memory.read(name) is first, "there is one memory"


def test_a_smaller_model_is_read_into_it_and_a_larger_one_is_not(folder: Path) -> None:
    (folder / "slots.json").write_text('{"active": "a"}')
    model_memory.reserve()
    large = model_memory.read("slot_a.tflite")
    small = model_memory.read("detector.tflite")
    assert bytes(small) == contents("detector.tflite")
    assert bytes(large[:1000]) == bytes(small)
    assert model_memory.held_bytes(small) == SIZES["slot_a.tflite"], "all of it stays taken"
    larger = model_memory.read("slot_b.tflite")
    assert bytes(larger) == contents("slot_b.tflite")
    assert model_memory.held_bytes(larger) == SIZES["slot_b.tflite"]
    # What was reserved has been given up.
    again = model_memory.read("slot_a.tflite")
    assert again is not large


def test_without_a_reserve_a_model_has_a_block_of_its_own(folder: Path) -> None:
    (folder / "detector.tflite").unlink()
    model_memory.reserve()
    assert bytes(model_memory.read("slot_a.tflite")) == contents("slot_a.tflite")
    assert model_memory.held_bytes(memoryview(b"of an image")) == 0
    with pytest.raises(OSError, match="detector"):
        model_memory.read("detector.tflite")
    model_memory.release()
