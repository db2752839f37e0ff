"""Cycles, code and arenas of soundcore on a Cortex-M0+ are within their budgets, its outputs right to the byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.m0 import bench, budgets, workloads

WITHOUT_MODELS = {
    "capture": workloads.measure_capture,
    "frontend": workloads.measure_frontend,
    "fft": workloads.measure_fft,
    "esc10": workloads.measure_esc10,
    "code": workloads.measure_code,
}


def check(measured: workloads.Measured) -> None:
    """Fail on a wrong output, or a figure above its budget; another compiler's figures are not compared."""
    assert measured.wrong == []
    known, here = budgets.load(), budgets.compiler()
    if here != known.compiler:
        pytest.skip(f"the budgets are those of gcc {known.compiler}, here is gcc {here}: {budgets.UPDATE}")
    assert budgets.exceeded(measured.figures, known.figures) == []


@pytest.mark.parametrize("name", workloads.MODEL_NAMES)
def test_benchmark_model_equals_tflm_within_its_budget(name: str, built: Path) -> None:
    if not workloads.have_models():
        pytest.skip(f"no {name}.tflite in {workloads.MODELS}: set SOUNDSDK_DATA")
    measured = workloads.measure_models(built, [name])
    assert set(measured.figures) == {name, f"arena_{name}"}
    check(measured)


@pytest.mark.parametrize("measure", WITHOUT_MODELS.values(), ids=WITHOUT_MODELS)
def test_other_work_equals_this_computers_within_its_budget(
    measure: Callable[[Path], workloads.Measured], built: Path
) -> None:
    check(measure(built))


def test_soundcore_is_compiled_as_for_the_image_of_a_pico() -> None:
    """micropython.mk, whose list and flags are used here, has the flags of micropython.cmake; SC_HOT is the same."""
    core = workloads.ROOT / "firmware" / "cmodules" / "soundcore"
    cmake, mk = ((core / f"micropython.{end}").read_text(encoding="utf-8") for end in ("cmake", "mk"))
    (options,) = re.findall(r'COMPILE_OPTIONS "(-O[^"]*)"', cmake)
    (flags,) = re.findall(r"CFLAGS \+= (-std=.*)", mk)
    assert options.split(";") == [flag for flag in flags.split() if flag.startswith(("-O", "-f"))]
    (hot,) = re.findall(r'"SC_HOT=(.*)"\)', cmake)
    assert f"'-DSC_HOT={hot}'".replace('\\"', '"') in Path(__file__).with_name("Makefile").read_text(encoding="utf-8")


def test_layers_take_nearly_all_of_a_step(built: Path) -> None:
    measured = workloads.measure_esc10(built)
    layers = measured.layers["esc10"]
    assert sum(layer.macs for layer in layers) > 100_000
    assert 0.99 * measured.figures["esc10_step"] < sum(layer.cycles for layer in layers)


def test_everything_measured_has_a_title_and_a_budget_and_nothing_else_has(built: Path) -> None:
    measured = set(workloads.measure_all(built).figures)
    if not workloads.have_models():
        measured |= {f"{kind}{name}" for kind in ("", "arena_") for name in workloads.MODEL_NAMES}
    assert set(budgets.load().figures) == set(bench.works()) == measured


def test_a_figure_above_its_budget_is_named_with_the_way_to_raise_it() -> None:
    lines = budgets.exceeded({"conv": 1021, "ds": 1020, "fc": 1}, {"conv": 1000, "ds": 1000, "fc": 1000})
    assert lines == [
        "conv: 1,021 is 2.1 % above its budget of 1,000; 2 % are allowed. If it is worth that: "
        "python tests/benchmarks/m0/bench.py --update"
    ]


def test_a_figure_without_a_budget_is_a_fault() -> None:
    assert budgets.exceeded({"new": 5}, {}) == [
        "new: 5 has no budget. python tests/benchmarks/m0/bench.py --update"
    ]  # fmt: skip


def test_new_figures_become_budgets_and_others_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(budgets, "PLACE", tmp_path / "budgets.json")
    monkeypatch.setattr(budgets, "compiler", lambda: "1.2.3")
    budgets.save({"conv": 5, "ds": 6})
    budgets.save({"ds": 7})
    assert budgets.load() == budgets.Budgets("1.2.3", {"conv": 5, "ds": 7})


def test_a_wrong_output_is_a_fault() -> None:
    measured = workloads.Measured()
    measured.compare("conv", b"\1\2\3", b"\1\2\3")
    assert measured.wrong == []
    measured.compare("conv", b"\1\2\3", b"\1\0\3\4")
    assert measured.wrong == ["conv: 3 bytes of output for 4, 1 of them differ"]


def test_the_readme_has_the_parts_of_the_budgets() -> None:
    pairs = [("conv", "CMSIS-NN"), ("ds", "CMSIS-NN"), ("fc", "CMSIS-NN"), ("frame", "microfrontend")]
    kept, works = budgets.load().figures, bench.works()
    conv, ds, fc, frame = (f"{kept[name] / works[name]['peers'][peer]:.2f}" for name, peer in pairs)
    readme = (workloads.ROOT / "README.md").read_text(encoding="utf-8")
    row = f"| {conv}, {ds}, {fc} and {frame} of their cycles | `make bench`"
    assert row in readme, f"README.md, Figures: {row}"


def test_the_table_has_the_part_of_each_peer_and_the_goals() -> None:
    (row,) = bench.chip_rows({"conv": 6_901_891})
    assert (row.now, row.goal, row.met) == ("6,901,891", "3,450,945", "no")
    assert row.peers == "1.00 CMSIS-NN, 0.45 TFLM"
    met = {figure: bench.chip_rows({"conv": figure})[0].met for figure in (3_450_946, 3_450_945, 2_760_756)}
    assert met == {3_450_946: "no", 3_450_945: "yes", 2_760_756: "aim"}
