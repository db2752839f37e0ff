"""`soundsdk profile` on emulated boards: its sums, its repeatability, the project's limits."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from target_needs import need_board as need

from soundsdk import cli
from soundsdk.boards import find_board
from soundsdk.build.builder import BuiltImage, build_image
from soundsdk.errors import DeviceError
from soundsdk.models.shipped import load_model
from soundsdk_sim.elf import Elf
from soundsdk_sim.profile import instructions
from soundsdk_sim.profile.measured import varied_sound
from soundsdk_sim.profile.profiler import profile_detector
from soundsdk_sim.profile.report import Report, as_json
from soundsdk_sim.rp2040 import Rp2040

BOARDS = ["rpi_pico", "qemu_rv32"]
KEYS = {
    "board", "runs_on", "model", "unit", "clock_hz", "hop_ms", "hops", "total", "least_total", "frontend",
    "frontend_stages", "network", "operators", "post", "microphone", "interrupts", "ms", "ms_at_least", "rt",
    "arena_bytes", "engines", "flash_bytes", "flash_room_bytes", "static_bytes", "heap_bytes",
    "heap_free_start_bytes",
    "heap_free_bytes", "ram_bytes", "stock", "power", "not_modelled", "checks",
}  # fmt: skip


def profile(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    code = cli.run(["profile", *words, "--json"])
    out, err = capfd.readouterr()
    assert out, err
    return code, json.loads(out.splitlines()[0]), err  # a bound that is passed says so in a second line


@cache
def report(board_id: str) -> Report:
    """Measure esc10 on a board, once."""
    need(board_id)
    return profile_detector(find_board(board_id), load_model("esc10"), None, print)


@pytest.fixture
def found(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the report on esc10 on a board as in JSON."""
    as_text = json.dumps(as_json(report(request.param), []))
    return dict(json.loads(as_text))


@pytest.mark.parametrize("found", BOARDS, indirect=True)
def test_the_parts_are_the_whole(found: dict[str, Any]) -> None:
    unit = found["unit"]
    assert found["total"] == sum(found[k] for k in ("frontend", "network", "post", "microphone", "interrupts"))
    assert found["network"] == sum(operator[unit] for operator in found["operators"])
    assert found["frontend"] == sum(found["frontend_stages"].values())
    assert 0.9 * found["total"] < found["least_total"] <= found["total"]
    assert all(operator[unit] > 0 for operator in found["operators"] if operator["kernels"])
    assert all(cost > 0 for cost in found["frontend_stages"].values())
    # A multiplication takes one cycle or more.
    assert all(operator[unit] > operator["macs"] for operator in found["operators"])


@pytest.mark.parametrize("found", BOARDS, indirect=True)
def test_the_report_is_complete(found: dict[str, Any]) -> None:
    assert found.keys() == KEYS
    board = find_board(found["board"])
    assert found["unit"] == ("cycles" if board.port == "rp2" else "instructions")
    assert found["hops"] == 8
    assert found["hop_ms"] == 128
    assert found["flash_bytes"] > len(load_model("esc10").data) + 100_000
    assert found["heap_free_bytes"] + found["arena_bytes"] < found["heap_free_start_bytes"] < found["heap_bytes"]
    assert found["ram_bytes"] > found["arena_bytes"]
    assert found["not_modelled"]
    if found["unit"] == "cycles":
        assert found["ms"] == pytest.approx(1000 * found["total"] / found["clock_hz"])
        assert found["rt"] == pytest.approx(found["ms"] / 128)
        assert found["power"]["sleep_ma"] < found["power"]["mean_sleeping_ma"] < found["power"]["active_ma"]
        assert "flash cache" in found["not_modelled"][0]
    else:
        assert found["ms"] is None
        assert found["rt"] is None
        assert "cycles" in found["not_modelled"][0]


@pytest.mark.parametrize("found", BOARDS, indirect=True)
def test_two_runs_give_the_same_figures_and_a_bound_is_6(
    found: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    unit = found["unit"]
    low, high = found["total"] - 1, found["ram_bytes"]
    code, again, err = profile(capfd, found["board"], "--model", "esc10", "--fail-over", f"{unit}={low},ram={high}")
    checks = again.pop("checks")
    assert again == {key: value for key, value in found.items() if key != "checks"}
    assert code == 6
    assert f"soundsdk: {unit} is " in err
    assert "ram is" not in err
    assert [(check["key"], check["exceeded"]) for check in checks] == [(unit, True), ("ram", False)]


@pytest.mark.parametrize("found", ["rpi_pico"], indirect=True)
def test_a_pico_has_time_and_memory_for_esc10(found: dict[str, Any]) -> None:
    assert found["ms"] <= 60
    assert found["rt"] <= 0.5
    assert found["flash_bytes"] <= 620 * 1024
    assert found["heap_free_start_bytes"] >= 150 * 1024


def image_of(board: str, folder: Path) -> BuiltImage:
    need(board)
    return build_image(find_board(board), load_model("esc10"), None, folder, print, symbols=True)


@pytest.mark.parametrize("found", ["rpi_pico"], indirect=True)
def test_the_chip_itself_measures_the_same_time(found: dict[str, Any], tmp_path: Path) -> None:
    """Measure by the board's own clock, at the REPL, on sound from memory: all but the microphone."""
    image = image_of("rpi_pico", tmp_path)
    pcm = varied_sound(4 * 2048, 16000).astype("<i2").tobytes()
    with Rp2040(image.path) as chip:
        chip.boot()
        repl = chip.repl()
        repl.exec("import io, time\nfrom binascii import a2b_base64\nsource = io.BytesIO()")
        for at in range(0, len(pcm), 1024):
            repl.exec(f"source.write(a2b_base64('{base64.b64encode(pcm[at : at + 1024]).decode()}'))")
        program = """
from soundfw.main import App
from soundfw.settings import Settings, of_board
app = App(Settings(of_board()), lambda rate_hz: source, len)
app.start()
def turns():
    source.seek(0)
    for _ in range(4 * 2048 // app.pipeline.mic.block_samples):
        app.step()
turns()
begin = time.ticks_us()
turns()
print(time.ticks_diff(time.ticks_us(), begin))
"""
        hop_us = int(repl.exec(program)) / 4
    parts = found["frontend"] + found["network"] + found["post"]
    assert hop_us == pytest.approx(1e6 * parts / found["clock_hz"], rel=0.06)


def test_sleep_is_not_counted_as_work_and_a_quiet_host_lets_the_chip_sleep(tmp_path: Path) -> None:
    image = image_of("rpi_pico", tmp_path)
    assert image.elf is not None
    with Rp2040(image.path) as chip:
        chip.boot()
        repl = chip.repl()
        repl.exec("import time")
        chip.watch(Elf(image.elf).functions(["mp_hal_delay_ms"]))
        repl.exec("time.sleep_ms(100)")
        call = chip.calls().log[-1]
    assert call.slept == pytest.approx(0.1 * chip.clock_hz, rel=0.02)
    assert 0 < call.cycles < 0.01 * call.slept
    assert call.exceptions < 0.01 * call.slept


def test_watching_less_counts_the_same(tmp_path: Path) -> None:
    image = image_of("qemu_rv32", tmp_path)
    assert image.elf is not None
    full = report("qemu_rv32").measured.hops
    few = instructions.measure(
        find_board("qemu_rv32"), load_model("esc10"), image.path, image.elf, by_part=False
    ).hops
    assert few[0].operators == ()
    assert [(h.frontend, h.model, h.post) for h in few] == [(h.frontend, h.model, h.post) for h in full]


def test_a_detector_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    image = image_of("qemu_rv32", tmp_path)
    assert image.elf is not None
    broken = instructions.START.replace("app.start()", "app.start(); app.error = ('x', 'y')")
    words = (find_board("qemu_rv32"), load_model("esc10"), image.path, image.elf)
    with pytest.raises(DeviceError, match="ValueError"):
        instructions.measure(*words, start=broken)


@pytest.mark.parametrize("board", BOARDS)
def test_another_model_is_measured_too(board: str, model_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    need(board)
    code, found, err = profile(capfd, board, "--model", str(model_file))
    assert code == 0, err
    assert found["total"] > found["frontend"] > 0
