"""A refusal of the firmware's code, which the host runs as well, reaches a user as a sentence of the host's.

SOUNDSDK_FUZZ: the number of damaged detectors (60 here; `make fuzz` takes 500). SOUNDSDK_FUZZ_SEED: another seed.
"""

from __future__ import annotations

import ast
import copy
import json
import os
import random
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.tiny_model import build, metadata
from soundsdk import cli
from soundsdk.boards import all_boards, find_board
from soundsdk.detector_file import from_bytes
from soundsdk.errors import ModelError, UsageError
from soundsdk.stock.payload import check_settings
from soundsdk_sim.outputs import led_for

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = [ROOT / "host_sdk/soundsdk", ROOT / "sim/soundsdk_sim", ROOT / "training/soundsdk_train"]
COUNT = int(os.environ.get("SOUNDSDK_FUZZ", "60"))
SEED = int(os.environ.get("SOUNDSDK_FUZZ_SEED", "1"))
ODD = (None, True, -1, 0, 1, 1 << 31, 1 << 63, 1.5, float("nan"), float("inf"), "", "x", "x" * 300, "\ud800", "é", [],
       [1], {}, {"a": 1}, [[]], [None])  # fmt: skip

FRAMING = "soundfw.wire.framing"  # refuses no line in this way, though others' functions have its names
# Functions that let a FirmwareError through, as what they are given has passed the same check before.
CHECKED_BEFORE = {
    "host_sdk/soundsdk/models/reachability.py unreachable_in": "metadata of a DetectorFile, or thresholds in range",
    "host_sdk/soundsdk/models/reachability.py highest_scores": "a DetectorFile, and the pools of a calibration",
    "host_sdk/soundsdk/detector_file.py _check_as_firmware": "no settings; what the model does is caught",
    "host_sdk/soundsdk/selftest/twin.py host_steps": "a DetectorFile",
    "host_sdk/soundsdk/selftest/twin.py scores_of_features": "a DetectorFile",
    "sim/soundsdk_sim/board.py open_tapped": "called by App, which sends the refusal to the host",
    "sim/soundsdk_sim/board.py __init__": "settings of the simulator's own; the folder is made_folder()'s",
    "sim/soundsdk_sim/live.py _run": "settings of a board file; the folder is made_folder()'s",
    "sim/soundsdk_sim/explain/steps.py given_scores": "rules of a DetectorFile",
    "sim/soundsdk_sim/explain/steps.py __init__": "rules of a DetectorFile, with other durations",
    "sim/soundsdk_sim/explain/steps.py follow": "a DetectorFile",
    "sim/soundsdk_sim/explain/whatif.py highest_on": "rules of a DetectorFile, `on` from 1 to 1000",
    "sim/soundsdk_sim/scenes/detection.py detect": "a DetectorFile",
    "sim/soundsdk_sim/wiring/wires.py mic_settings": "pins of the board files, each of which tests/host checks",
    "training/soundsdk_train/calibration/heard.py pooled": "a DetectorFile, or one that was just trained",
    "training/soundsdk_train/evaluation/deployed.py detect_events": "rules of a DetectorFile, or of a calibration",
    "training/soundsdk_train/evaluation/deployed.py score_recording": "a DetectorFile",
}


def _functions(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the functions and classes of a module; a class stands for its __init__."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield node.name, next((n for n in node.body if getattr(n, "name", "") == "__init__"), ast.Pass())


def _called(node: ast.AST) -> set[str]:
    calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
    return {f.id if isinstance(f, ast.Name) else f.attr for f in calls if isinstance(f, (ast.Name, ast.Attribute))}


def refusing() -> set[str]:
    """Return the names of all that may raise a FirmwareError, itself or by what it calls."""
    bodies: dict[str, set[str]] = {}
    for path in (ROOT / "firmware/soundfw").rglob("*.py"):
        for name, node in _functions(ast.parse(path.read_text(encoding="utf-8"))):
            bodies[name] = bodies.get(name, set()) | _called(node)
    found = {"FirmwareError"}
    while more := {name for name, calls in bodies.items() if calls & found} - found:
        found |= more
    return found


def _catches(node: ast.Try) -> bool:
    named = [n.id for h in node.handlers if h.type is not None for n in ast.walk(h.type) if isinstance(n, ast.Name)]
    return bool({"FirmwareError", "ValueError", "Exception"} & set(named))


def _uncaught(path: Path, refusals: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (function, call) of each call of the firmware's code outside of a `try` that catches its refusal."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ours: dict[str, str] = {}  # the name here: the name in soundfw
    for node in ast.walk(tree):
        module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.ImportFrom) and module.split(".")[0] == "soundfw" and module != FRAMING:
            ours |= {alias.asname or alias.name: alias.name for alias in node.names}
    ours.pop("framing", None)

    def visit(node: ast.AST, function: str, caught: bool) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.FunctionDef):
            function, caught = node.name, False
        if isinstance(node, ast.Call):
            f = node.func
            name = ours.get(f.id, "") if isinstance(f, ast.Name) else ""
            if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name) and f.value.id in ours:
                name = f.attr
            if name in refusals and not caught:
                yield function, name
        for field, value in ast.iter_fields(node):
            inside = caught or (isinstance(node, ast.Try) and field == "body" and _catches(node))
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from visit(child, function, inside)

    yield from visit(tree, "", False)


def test_every_call_that_the_firmware_may_refuse_is_caught_or_was_checked_before() -> None:
    refusals = refusing()
    assert {"parse", "Settings", "microphone", "Thresholds", "from_stream", "claim"} <= refusals
    found = {
        f"{path.relative_to(ROOT).as_posix()} {function}"
        for folder in PRODUCT
        for path in folder.rglob("*.py")
        for function, _ in _uncaught(path, refusals)
    }
    assert found == set(CHECKED_BEFORE)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each value within a JSON value."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*at, key)
        yield from places(value[key], (*at, key))


def with_odd(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """Return a copy with another value at a path."""
    out = copy.deepcopy(value)
    inner = out
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = odd
    return out


def test_settings_with_any_odd_value_are_refused_in_a_sentence_or_taken() -> None:
    board = find_board("rpi_pico")
    values = {**board.settings(), "actions": {"a": "led"}, "outputs": [1, 2], "folder": "", "model": "d.tflite"}
    said: list[str] = []
    for path in places(values):
        for odd in ODD:
            try:
                changed = with_odd(values, path, odd)
                check_settings(changed, board, changed)
            except UsageError as error:
                said.append(error.message)
    assert len(said) > 300
    assert [m for m in said if "settings cannot be used" not in m and "names no microphone" not in m] == []


def test_metadata_with_any_odd_value_is_refused_in_a_sentence_or_taken() -> None:
    said: list[str] = []
    for path in places(metadata()):
        for odd in ODD:
            try:
                from_bytes(build(with_odd(metadata(), path, odd)), "x.tflite")
            except ModelError as error:
                said.append(error.message)
    assert len(said) > 400
    assert [m for m in said if not m.startswith("x.tflite ")] == []


@pytest.mark.parametrize("word", ["high", "name", "labels"])
def test_metadata_that_is_no_text_is_named(word: str) -> None:
    data = bytearray(build(metadata()))
    data[data.find(f'"{word}"'.encode()) + 2] = 0xF9  # begins no character of UTF-8
    with pytest.raises(ModelError, match=r"^x cannot be used: .*\(meta\."):
        from_bytes(bytes(data), "x")


def test_a_damaged_byte_of_a_detector_is_a_sentence_or_does_no_harm() -> None:
    rng, refused, model = random.Random(SEED), 0, build(metadata())
    for number in range(5 * COUNT):
        data = bytearray(model)
        data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            from_bytes(bytes(data), "x.tflite")
        except ModelError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"damaged detector {number} of seed {SEED}") from error
    assert refused > COUNT


@pytest.mark.parametrize("rule", ["pin:99", "laser", "pin:1+", "tone:2,1hz"])
def test_a_rule_that_the_simulator_is_given_by_a_program_is_refused_as_its_own(rule: str) -> None:
    with pytest.raises(UsageError):
        led_for({"a": rule})


def test_a_long_path_to_temporary_files_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert cli.run(["info", "--json", "-p", "sim:rpi_pico"]) == 2
    error = json.loads(capfd.readouterr().out)["error"]
    assert "too long a path for a virtual board, which takes 128 characters" in error["message"]
    assert list(folder.iterdir()) == []


I2S = {"kind": "i2s", "sck": 4, "ws": 5, "sd": 6}
IMPOSSIBLE: list[tuple[str, dict[str, Any], str]] = [
    ("rpi_pico", {"mic": I2S, "board": "esp32_devkit"}, "'esp32_devkit', and this is rpi_pico"),
    ("rpi_pico", {"mic": {**I2S, "sd": 5}}, "are the same GPIO"),
    ("rpi_pico", {"mic": {**I2S, "ws": 7}}, "the GPIO after mic.sck, 5"),
    ("rpi_pico", {"mic": {**I2S, "sd": 31}}, "mic.sd is GPIO 31, which a RP2040 has not"),
    ("esp32_devkit", {"mic": {**I2S, "sd": 7}}, "serves its flash"),
    ("esp32_devkit", {"mic": {**I2S, "sck": 34}}, "mic.sck is GPIO 34, which is an input only"),
    ("seeed_xiao_esp32c3", {"mic": {"kind": "pdm", "clk": 4, "data": 5}}, "mic.kind must be i2s"),
    ("rpi_pico", {"mic": I2S, "actions": {"bark": "pin:99,high"}}, "pin must be 0..48"),
    ("rpi_pico", {"mic": I2S, "actions": ["pin:2"]}, "actions must be an object"),
    ("rpi_pico", {"mic": I2S, "actions": {"bark": 7}}, "a rule must be a text"),
]


@pytest.mark.parametrize(("name", "given", "said"), IMPOSSIBLE, ids=[said for _, _, said in IMPOSSIBLE])
def test_settings_that_the_board_could_never_use_are_refused_before_it_is_touched(
    name: str, given: dict[str, Any], said: str
) -> None:
    board = find_board(name)
    with pytest.raises(UsageError, match=re.escape(said)) as error:
        check_settings({**board.settings(), **given}, board, given)
    assert "--settings" in error.value.hint


def test_the_settings_of_every_board_that_takes_stock_micropython_are_possible() -> None:
    for board in all_boards():
        if board.stock is not None and board.mic is not None:
            check_settings(board.settings(), board, board.settings())
