"""One check of a detector file for all verbs: what no board can run is refused before anything is spent or sent."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flash_images
import numpy as np
import pytest

from core.tflite_builder import SAME, ModelBuilder
from sim.tiny_model import build, metadata
from soundsdk import cli
from soundsdk.boards import find_board
from soundsdk.build import uf2
from soundsdk.detector_file import MAX_BYTES, OTHER_OPERATORS, DetectorFile, from_bytes, load
from soundsdk.errors import CheckError, ModelError
from soundsdk.labels import MOST_LABEL_BYTES
from soundsdk.models import fit
from soundsdk.models.shipped import find_model, load_model

PICO = find_board("rpi_pico")


def two(**rule: Any) -> dict[str, Any]:
    """Return detector settings whose second class has these thresholds."""
    one = {"on": 600, "off": 400, "min_ms": 256, "hold_ms": 500}
    return {"pool_ms": 300, "classes": [dict(one), {**one, **rule}]}


def without(table: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in table.items() if k != key}


ODD_METADATA: dict[str, tuple[dict[str, Any], str]] = {
    "no name": (without(metadata(), "name"), "name must be a text of 1..64 bytes (meta.name)"),
    "an empty name": (metadata(name=""), "meta.name"),
    "a name of 65 bytes": (metadata(name="n" * 65), "meta.name"),
    "a name of 33 two-byte letters": (metadata(name="é" * 33), "meta.name"),
    "a number as a name": (metadata(name=7), "meta.name"),
    "an empty label": (metadata(labels=["high", ""]), "labels must be texts of 1..64 bytes (meta.labels)"),
    "a label of 65 bytes": (metadata(labels=["high", "l" * 65]), "meta.labels"),
    "a label of 22 three-byte letters": (metadata(labels=["high", "警" * 22]), "meta.labels"),
    "one label twice": (metadata(labels=["high", "high"]), "has the label 'high' twice"),
    "a number as a label": (metadata(labels=["high", 3]), "meta."),
    "no labels": (metadata(labels=[]), "meta."),
    "labels that are a text": (metadata(labels="ab"), "meta."),
    "three labels for two scores": (metadata(labels=["a", "b", "c"]), "meta.scores"),
    "on of 0": (metadata(detector=two(on=0)), "low: on must be 1..1000 (detector.threshold)"),
    "on of 1001": (metadata(detector=two(on=1001)), "low: on must be 1..1000"),
    "on that is no whole number": (metadata(detector=two(on=0.6)), "low: on must be a whole number (detector.value)"),
    "on that is true": (metadata(detector=two(on=True)), "low: on must be a whole number"),
    "on that is a text": (metadata(detector=two(on="600")), "low: on must be a whole number"),
    "on that is null": (metadata(detector=two(on=None)), "low: on must be a whole number"),
    "off above on": (metadata(detector=two(off=700)), "low: off must not be above on"),
    "off below 1": (metadata(detector=two(off=-5)), "low: off must be 1..1000"),
    "min_ms beyond a minute": (metadata(detector=two(min_ms=60001)), "low: min_ms must be 0..60000 (detector.time)"),
    "hold_ms below 0": (metadata(detector=two(hold_ms=-1)), "low: hold_ms must be 0..60000"),
    "no hold_ms": (
        metadata(detector={"pool_ms": 0, "classes": [without(c, "hold_ms") for c in two()["classes"]]}),
        "its thresholds are incomplete (meta.json)",
    ),
    "thresholds of one class": (metadata(detector={"pool_ms": 0, "classes": two()["classes"][:1]}), "do not fit its"),
    "thresholds that are a list": (metadata(detector=[1, 2]), "do not fit its labels (meta.json)"),
    "no thresholds": (without(metadata(), "detector"), "do not fit its labels"),
    "classes that are numbers": (metadata(detector={"pool_ms": 0, "classes": [1, 2]}), "incomplete (meta.json)"),
    "no pool_ms": (metadata(detector=without(two(), "pool_ms")), "lacks labels, head or detector settings"),
    "pool_ms of a quarter of an hour": (metadata(detector={**two(), "pool_ms": 900_000}), "pool_ms must be 0..60000"),
    "pool_ms that is a text": (metadata(detector={**two(), "pool_ms": "1"}), "pool_ms must be 0..60000"),
    "a linear head": (metadata(head="linear"), "head must be softmax or sigmoid"),
    "no head": (without(metadata(), "head"), "lacks labels, head or detector settings"),
    "another format": (metadata(soundsdk=2), "meta.version"),
    "another frontend": (metadata(frontend={**metadata()["frontend"], "version": 9}), "meta.frontend"),
    "a rate of 0": (metadata(frontend={**metadata()["frontend"], "rate_hz": 0}), "rate_hz must be 4000..48000"),
    "a rate of 96 kHz": (metadata(frontend={**metadata()["frontend"], "rate_hz": 96000}), "rate_hz must be"),
    "a hop of 0 frames": (metadata(hop_frames=0), "meta."),
    "a state that is none": (metadata(states=[[1, 1]]), "meta.states"),
    "one state twice": (metadata(states=[[0, 0], [0, 0]]), "meta.states"),
}


@pytest.mark.parametrize("why", ODD_METADATA)
def test_metadata_that_no_board_starts_with_is_named(why: str, tmp_path: Path) -> None:
    values, says = ODD_METADATA[why]
    path = tmp_path / "odd.tflite"
    path.write_bytes(build(values))
    with pytest.raises(ModelError) as caught:
        load(path)
    assert says in caught.value.message
    assert caught.value.message.startswith(f"{path} cannot be used: ")
    assert caught.value.hint
    assert caught.value.exit_code == 1


def test_metadata_at_the_ends_of_the_ranges_is_accepted() -> None:
    values = metadata(name="é" * 32, labels=["警" * 21, "l" * 64], detector={"pool_ms": 60000, "classes": []})
    widest = {"on": 1000, "off": 1000, "min_ms": 60000, "hold_ms": 60000}
    values["detector"]["classes"] = [widest, {"on": 1, "off": 1, "min_ms": 0, "hold_ms": 0}]
    assert from_bytes(build(values), "x").labels == ["警" * 21, "l" * 64]
    assert MOST_LABEL_BYTES == 64, "as the firmware refuses a byte more, above"


def _keras() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("config.json", "{}")
    return out.getvalue()


def _wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(3200))
    return out.getvalue()


ODD_FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "nothing": ("a.tflite", lambda: b"", "a.tflite is empty"),
    "a Keras archive": ("a.keras", _keras, "it is a ZIP archive, as Keras (.keras) and PyTorch write them"),
    "a Keras HDF5 file": ("a.h5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(64), "it is an HDF5 file"),
    "an ONNX model": ("a.onnx", lambda: b"\x08\x07\x12\x07pytorch" + bytes(99), "it is an ONNX model"),
    "a Git LFS pointer": ("a.tflite", lambda: b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    "a web page": ("a.tflite", lambda: b"<!DOCTYPE html><title>404</title>", "it is a page or XML"),
    "a UF2 image": ("a.uf2", lambda: uf2.pack(bytes(512), 0x10000000, 1), "it is a firmware image"),
    "a program": ("a.elf", lambda: b"\x7fELF" + bytes(64), "it is a program"),
    "a sound": ("a.wav", _wav, "it is a sound file"),
    "a record of a run": ("a.run.json", lambda: b'{"settings": {}}', "it is a JSON file"),
    "noise": ("a.tflite", lambda: np.random.default_rng(1).bytes(4096), "not a TensorFlow Lite file (model.file)"),
    "zeros": ("a.tflite", lambda: bytes(4096), "not a TensorFlow Lite file"),
    "half a file": ("a.tflite", lambda: load_model("home").data[:40_000], "a.tflite cannot be used: "),
    "a file without its end": ("a.tflite", lambda: load_model("home").data[:-1], "a.tflite cannot be used: "),
    "a head of TensorFlow Lite alone": ("a.tflite", lambda: b"\x1c\0\0\0TFL3", "a.tflite cannot be used: "),
    "no metadata": ("a.tflite", lambda: build(None), "carries no soundsdk metadata (meta.missing)."),
    "metadata that is no JSON": (
        "a.tflite",
        lambda: load_model("home").data.replace(b'{"soundsdk":1', b'{"soundsdk":;'),
        "meta.json",
    ),
    "more than any detector": ("a.tflite", lambda: b"\x1c\0\0\0TFL3" + bytes(MAX_BYTES), "larger than 16 MiB"),
}


@pytest.mark.parametrize("why", ODD_FILES)
def test_what_is_no_detector_is_named_by_its_content(why: str, tmp_path: Path) -> None:
    name, make, says = ODD_FILES[why]
    path = tmp_path / name
    path.write_bytes(make())
    with pytest.raises(ModelError) as caught:
        load(path)
    assert says in caught.value.message
    assert caught.value.hint


def test_what_has_no_end_is_read_no_further_than_a_detector_is_long() -> None:
    if not os.access("/dev/zero", os.R_OK):
        pytest.skip("this system has no /dev/zero")
    with pytest.raises(ModelError, match="larger than 16 MiB"):
        load("/dev/zero")


def test_the_names_of_other_operators_are_those_of_the_schema() -> None:
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    assert {name: getattr(schema.BuiltinOperator, name) for name in OTHER_OPERATORS.values()} == {
        name: number for number, name in OTHER_OPERATORS.items()
    }


def endless() -> bytes:
    """Make a file of a few kB whose step takes 10^11 operations."""
    b, width = ModelBuilder(), 90
    features = b.tensor((1, 8, 40, 1), 1 / 32)
    one = b.tensor((1, 1, 1, 1), 1 / 32)
    b.op("AVERAGE_POOL_2D", [features], [one], filterHeight=8, filterWidth=40, strideH=8, strideW=40, padding=1)
    at = b.tensor((1, width, width, 1), 1 / 32)
    wide = b.tensor((4, 2), data=np.array([[0, 0], [0, width - 1], [0, width - 1], [0, 0]], np.int32), dtype="int32")
    b.op("PAD", [one, wide], [at])
    pool = {"filterHeight": 2 * width - 1, "filterWidth": 2 * width - 1, "strideH": 1, "strideW": 1, "padding": SAME}
    for _ in range(400):
        after = b.tensor((1, width, width, 1), 1 / 32)
        b.op("MAX_POOL_2D", [at], [after], **pool)
        at = after
    scores = b.tensor((1, 1, 1, 1), 1 / 32)
    b.op("AVERAGE_POOL_2D", [at], [scores], filterHeight=width, filterWidth=width, strideH=width, strideW=width)
    rule = {"on": 870, "off": 174, "min_ms": 0, "hold_ms": 2000}
    values = metadata(labels=["a"], detector={"pool_ms": 0, "classes": [rule]})
    return b.build([features], [scores], {"soundsdk": json.dumps(values).encode()})


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return files that no verb may use, by what is wrong with them."""
    folder = tmp_path_factory.mktemp("odd")
    files = {
        "off above on": build(metadata(detector=two(off=700))),
        "a long label": build(metadata(labels=["high", "警" * 22])),
        "no metadata": build(None),
        "endless": endless(),
    }
    for name, data in files.items():
        (folder / f"{name}.tflite").write_bytes(data)
    return {name: folder / f"{name}.tflite" for name in files}


@pytest.mark.parametrize("why", ["off above on", "a long label", "no metadata", "endless"])
def test_every_verb_refuses_a_file_in_the_same_words(
    why: str, odd: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sound, data = tmp_path / "a.wav", tmp_path / "data"
    sound.write_bytes(_wav())
    (data / "high").mkdir(parents=True)
    (data / "high" / "a.wav").write_bytes(_wav())
    image, model, out = flash_images.pico(tmp_path), str(odd[why]), tmp_path / "out"
    said = set()
    for words in (
        ["info", model],
        ["sim", "-m", model, str(sound)],
        ["explain", str(sound), "-m", model],
        ["evaluate", model, "--data", str(data)],
        ["evaluate", model, "--deployed", "--data", str(data)],
        ["evaluate-scenes", model, "--data", str(data), "--seeds", "1"],
        ["calibrate", model, "--max-fa-per-hour", "1", "--background", str(data)],
        ["mine", model, "--audio", str(sound), "-o", str(out)],
        ["build", "rpi_pico", "-m", model, "-o", str(out)],
        ["flash", "rpi_pico", "-m", model, "-p", "port:/nowhere"],
        ["flash", "rpi_pico", "-m", model, "--firmware", str(image), "-p", "port:/nowhere"],
        ["flash", "rpi_pico", "-m", model, "--dry-run", "-p", "port:/nowhere"],
        ["profile", "rpi_pico", "-m", model],
        ["push", model, "-p", "port:/nowhere"],
        ["monitor", "--once", "-p", f"sim:sim,model={model}"],
    ):
        assert cli.run(words) == 1, words
        stdout, err = capfd.readouterr()
        assert stdout == "", words
        said.add(err)
    assert len(said) == 1, said
    assert not out.exists()


def big(**changes: Any) -> DetectorFile:
    return dataclasses.replace(load(find_model("home")), **changes)


@pytest.mark.parametrize(
    ("changes", "board", "pushed", "says"),
    [
        ({"data": bytes(450_000)}, "rpi_pico", False, "450000 bytes, and its image has room for 399360 at most"),
        ({"data": bytes(530_000)}, "esp32c3_devkit", False, "530000 bytes, and its image has room for 524288"),
        ({"arena_bytes": 230_000}, "rpi_pico", False, "needs 230000 bytes of RAM of 270336, and 49152 must stay free"),
        ({"data": bytes(200_000)}, "rpi_pico", True, "it needs 224312 bytes of RAM of 270336"),
        ({"macs": 4_000_000}, "rpi_pico", False, "a step of 128 ms takes 132 ms or more"),
        ({"macs": 4_000_000}, "rpi_pico_w", True, "too slow for Raspberry Pi Pico W"),
        ({"macs": 20_000_000}, "rpi_pico2", False, "a step of 128 ms takes 133 ms or more"),
        ({"macs": 31_000_000}, "esp32s3_devkit", True, "too slow for"),
    ],
)
def test_what_a_board_cannot_hold_or_run_is_refused(
    changes: dict[str, Any], board: str, pushed: bool, says: str
) -> None:
    with pytest.raises(CheckError) as caught:
        fit.check_fit(big(**changes), find_board(board), pushed=pushed)
    assert says in caught.value.message
    assert caught.value.exit_code == 6
    assert caught.value.hint


def test_a_pushed_detector_may_lie_in_psram() -> None:
    large = big(data=bytes(600_000))
    fit.check_fit(large, find_board("esp32s3_eye"), pushed=True)
    with pytest.raises(CheckError, match=r"needs 6[0-9]{5} bytes of RAM of 524288"):
        fit.check_fit(large, find_board("m5stack_atoms3_lite"), pushed=True)


def test_only_boards_with_an_image_are_named_as_those_that_cannot_hold_one() -> None:
    said = " ".join(fit.misfits(big(macs=10**9)))
    assert "Raspberry Pi Pico W" in said
    assert "XIAO" not in said


def test_what_comes_with_soundsdk_fits_every_board() -> None:
    for name in ("home", "esc10"):
        assert fit.misfits(load_model(name)) == []


def test_info_prints_no_control_codes_of_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(build(metadata(name="a\x1b[2J", labels=["hi\x1b[31mgh", "lo\nw"], provenance={"judge": "\x9b1m"})))
    assert cli.run(["info", str(path)]) == 0
    out = capfd.readouterr().out
    assert "hi·[31mgh" in out
    assert "lo·w" in out
    assert all(line.isprintable() for line in out.split("\n"))


def test_info_names_the_boards_that_cannot_run_a_detector(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    slow = big(macs=5_000_000)
    monkeypatch.setattr("soundsdk.commands.info.load_model", lambda model: slow)
    assert cli.run(["info", "home"]) == 0
    out = capfd.readouterr().out
    assert "5,000,000 MACs" in out
    assert "warning: the detector home is too slow for Raspberry Pi Pico: a step of 128 ms takes 165 ms or more" in out
    assert "Pico 2" not in out
    assert cli.run(["info", "home", "--json"]) == 0
    assert len(json.loads(capfd.readouterr().out)["warnings"]) == 2, "both boards with an RP2040"


@pytest.mark.parametrize("words", [["build"], ["flash", "--dry-run", "-p", "port:/nowhere"]])
def test_a_detector_that_does_not_fit_is_refused_before_anything_is_written(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("soundsdk.models.shipped.load", lambda path: big(arena_bytes=230_000))
    verb, *rest = words
    out = ["-o", str(tmp_path / "out")] if verb == "build" else []
    assert cli.run([verb, "rpi_pico", *rest, *out]) == 6
    assert "bytes of RAM of 270336" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_flash_of_an_own_image_checks_the_detector_against_the_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("soundsdk.models.shipped.load", lambda path: big(macs=5_000_000))
    image = flash_images.pico(tmp_path)
    words = ["flash", "rpi_pico", "--firmware", str(image), "-m", "home", "--dry-run", "-p", "port:/nowhere"]
    assert cli.run(words) == 6
    assert "too slow for Raspberry Pi Pico" in capfd.readouterr().err


def test_a_class_that_cannot_fire_is_said_by_the_verbs_that_spend_something(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, sound = tmp_path / "deaf.tflite", tmp_path / "a.wav"
    path.write_bytes(build(metadata(name="deaf", detector=two(min_ms=30_000))))
    sound.write_bytes(_wav())
    for words in (["sim", "-m", str(path), str(sound)], ["push", str(path), "-p", "sim:sim"]):
        assert cli.run(words) == 0
        assert "warning: deaf: low: min_ms 30000 is longer than 10 s of its sound" in capfd.readouterr().err


def test_numbers_that_json_does_not_have_are_refused() -> None:
    text = json.dumps(metadata(detector={**two(), "pool_ms": math.inf}))
    with pytest.raises(ModelError, match=r"meta\.json|pool_ms"):
        from_bytes(build(json.loads(text)), "x")
