"""soundsdk profile without an emulator: bounds, the arithmetic of a report, what is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from soundsdk import cli
from soundsdk.boards import Board, find_board
from soundsdk.errors import DeviceError, UsageError
from soundsdk.models.shipped import load_model
from soundsdk_sim.profile import instructions, limits, operators, profiler, table
from soundsdk_sim.profile.measured import Measured
from soundsdk_sim.profile.operators import Operator
from soundsdk_sim.profile.report import Report, as_json
from soundsdk_sim.profile.trace import FRONTEND, MODEL, Call, Hop, hops

OPERATORS = [
    Operator("CONCATENATION", (1, 4), 0, "sc_op_copy_run", 2),
    Operator("RESHAPE", (4,), 0, "sc_op_copy_run", 0),
    Operator("CONV_2D", (1, 2), 8, "sc_op_conv_run", 1),
]


def one_hop(at: int) -> list[Call]:
    """500 long: conversions of 20, a frontend of 100 with an FFT of 60, a model of 200; 5 in interrupts."""
    return [
        Call("convert", at, at + 20),
        Call(FRONTEND, at + 50, at + 150),
        Call("sc_fft_real", at + 60, at + 120),
        Call("sc_op_copy_run", at + 210, at + 220),
        Call("sc_op_copy_run", at + 225, at + 245),
        Call("sc_op_conv_run", at + 250, at + 390),
        Call(MODEL, at + 200, at + 400, at, at + 5),
        Call("convert", at + 450, at + 470),
    ]


def trace(count: int) -> list[Call]:
    return [call for i in range(count) for call in one_hop(500 * i)]


def test_a_hop_is_the_sum_of_its_parts() -> None:
    found = hops(trace(5), OPERATORS, "convert")
    assert len(found) == 2
    for hop in found:
        assert (hop.frontend, hop.stages) == (100, {"window": 40, "FFT": 60})
        assert (hop.model, hop.operators) == (200, (50, 0, 150))
        assert (hop.microphone, hop.post) == (40, 160)
        assert hop.total == 100 + 200 + 160 + 40 + hop.interrupts
    assert [hop.interrupts for hop in found] == [500, 500]


def test_kernels_that_do_not_fit_the_model_are_noticed() -> None:
    with pytest.raises(DeviceError, match="not those of the model"):
        hops(trace(5), OPERATORS[:1], "convert")


def test_functions_that_do_not_nest_are_noticed() -> None:
    calls = [*trace(5), Call(FRONTEND, 1700, 1950)]
    with pytest.raises(DeviceError, match="inside one another"):
        hops(calls, OPERATORS, "convert")


@pytest.mark.parametrize("name", ["home", "esc10", "knock_doorbell"])
def test_operators_are_those_of_the_file(name: str) -> None:
    found = operators.read(load_model(name).data)
    assert len(found) > 20
    assert {o.name for o in found} >= {"CONV_2D", "DEPTHWISE_CONV_2D", "LOGISTIC", "CONCATENATION"}
    for operator in found:
        assert (operator.macs > 0) == (operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MEAN"))
        assert operator.kernels == 1 or operator.name in ("CONCATENATION", "RESHAPE")
    conv = next(o for o in found if o.name == "CONV_2D")
    assert len(conv.shape) == 4
    assert conv.macs % (conv.shape[1] * conv.shape[2] * conv.shape[3]) == 0


def test_operators_of_what_is_no_model_are_refused() -> None:
    import soundcore

    with pytest.raises(soundcore.Error) as e:
        soundcore.operators(b"\0" * 64)
    assert e.value.args[0].startswith("model.")


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("ms=20,ram=60k,rt=0.5", {"ms": 20, "ram": 61440, "rt": 0.5}),
        ("flash=1M, cycles=2.5M", {"flash": 1 << 20, "cycles": 2_500_000}),
        ("instructions=900k", {"instructions": 900_000}),
    ],
)
def test_bounds_are_read(text: str, bounds: dict[str, float]) -> None:
    assert limits.parse(text) == bounds


@pytest.mark.parametrize(
    "text", ["", "ms", "ms=", "ms=x", "ms=-1", "ms=nan", "ms=inf", "speed=3", "ms=1,ms=2", "ms=1,,"]
)
def test_wrong_bounds_are_wrong_use(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["profile", "rpi_pico", "--model", "esc10", "--fail-over", text]) == 2
    out, err = capfd.readouterr()
    assert err.startswith("soundsdk: --fail-over")
    assert out == ""


def report(unit: str = "cycles", board: str = "rpi_pico", runs_on: str | None = None) -> Report:
    count = len(operators.read(load_model("esc10").data))
    cheap = Hop(1_000_000, 2_000_000, 900_000, 0, 0, {"window": 1_000_000}, (2_000_000, *[0] * (count - 1)))
    dear = dataclasses.replace(cheap, post=1_000_000, microphone=500_000, interrupts=500_000)
    measured = Measured(unit, [cheap, dear, cheap], 200_000, 190_000, 150_000, 10_000, 125_000_000, ["weather"])
    own = find_board(board)
    return Report(own, find_board(runs_on) if runs_on else own, load_model("esc10"), measured, 400_000)


def test_figures_follow_from_the_most_expensive_hop() -> None:
    figures = report().figures()
    assert figures["cycles"] == 5_000_000
    assert figures["ms"] == 40
    assert figures["rt"] == 40 / 128
    assert figures["ram"] == 10_000 + 50_000
    power = find_board("rpi_pico").power
    assert power is not None
    assert figures["ma"] == power.active_ma
    assert figures["mw"] == power.active_ma * power.volt
    busy = 40 / 128
    assert report().mean_ma(sleeping=True) == busy * power.active_ma + (1 - busy) * power.sleep_ma


def test_a_share_over_one_does_not_take_more_than_the_active_current() -> None:
    slow = report()
    slow = dataclasses.replace(slow, measured=dataclasses.replace(slow.measured, clock_hz=1_000_000))
    assert slow.share is not None
    assert slow.share > 1
    assert slow.mean_ma(sleeping=True) == slow.mean_ma(sleeping=False)


def test_at_another_clock_the_times_and_the_currents_that_follow_it_change() -> None:
    slow = dataclasses.replace(report(), at_hz=50_000_000)
    power = find_board("rpi_pico").power
    assert power is not None
    active = power.active_fixed_ma + 0.4 * (power.active_ma - power.active_fixed_ma)
    sleep = power.sleep_fixed_ma + 0.4 * (power.sleep_ma - power.sleep_fixed_ma)
    assert slow.figures() == report().figures() | {
        "ms": 100.0, "rt": 100 / 128, "ma": pytest.approx(active), "mw": pytest.approx(active * power.volt),
    }  # fmt: skip
    busy = 100 / 128
    assert slow.mean_ma(sleeping=True) == pytest.approx(busy * active + (1 - busy) * sleep)
    assert slow.hop_mj(sleeping=False) == pytest.approx(active * power.volt * 0.128)
    assert slow.hop_mj(sleeping=True) == pytest.approx((busy * active + (1 - busy) * sleep) * power.volt * 0.128)
    assert power.at(1.0) == power


def test_instructions_are_not_turned_into_time() -> None:
    found = report("instructions")
    assert (found.ms, found.share, found.ms_at_least) == (None, None, 40)
    with pytest.raises(UsageError, match=r"ms .* is not known on this board"):
        limits.check({"ms": 20}, found.figures())
    assert limits.check({"instructions": 4_999_999}, found.figures())[0].exceeded
    assert not limits.check({"instructions": 5_000_000}, found.figures())[0].exceeded


def test_memory_of_another_image_is_not_given_for_the_board() -> None:
    found = as_json(report("instructions", "rpi_pico", "qemu_rv32"), [])
    assert found["runs_on"] == "qemu_rv32"
    for key in ("flash_bytes", "static_bytes", "heap_bytes", "heap_free_start_bytes", "heap_free_bytes", "ram_bytes"):
        assert found[key] is None, key
    assert found["arena_bytes"] > 0


def test_the_table_shows_every_part_and_bound(capfd: pytest.CaptureFixture[str]) -> None:
    table.show(report(), [limits.LimitCheck("ms", 20, 40, True), limits.LimitCheck("rt", 1, 0.3, False)])
    out = capfd.readouterr().out
    for text in ("frontend", "network", "post-processing", "microphone", "interrupts", "all of one hop", "5,000,000",
                 "40.0 ms of 128 ms", "0.312 of real time", "27.1 mA", "RP2040 datasheet", "weather",
                 "bound ms=20 is exceeded: 40", "bound rt=1 is kept: 0.3"):  # fmt: skip
        assert text in out, text
    assert "\x1b" not in out
    table.show(report("instructions"), [])
    assert "not known: cycles for an instruction are not modelled" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("board", "need", "said"),
    [
        ("rpi_pico", 200_000, "200,000 bytes of the heap; 241,680 are free"),
        ("rpi_pico", 250_000, "250,000 bytes of the heap; too many: 241,680 are free"),
        ("esp32_devkit", 110_000, "110,000 bytes of the heap; how much is free shows when it runs"),
        ("rpi_pico", None, None),
    ],
)
def test_the_memory_on_micropythons_own_image_is_said_where_it_is_known(
    board: str, need: int | None, said: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    found = dataclasses.replace(report(board=board, runs_on="rpi_pico"), stock_bytes=need)
    table.show(found, [])
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("stock ")]
    assert lines == ([f"stock    on MicroPython's own image it takes {said}"] if said else [])
    stock = as_json(found, [])["stock"]
    assert (stock["needed_bytes"] if stock else None) == need


def test_a_board_that_is_not_emulated_is_measured_by_its_instruction_set() -> None:
    chip = Board("chip", "Chip", "esp32", "rv32imc", 160_000_000)
    assert profiler.measured_board(chip).id == "qemu_rv32"
    assert profiler.measured_board(find_board("esp32c3_devkit")).id == "qemu_rv32"
    assert profiler.measured_board(find_board("rpi_pico_w")).id == "rpi_pico_w"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "Missing argument 'BOARD'"),
        (["toaster", "--model", "esc10"], 2, "there is no board toaster"),
        (["rpi_pico", "--model", "none.tflite"], 1, "cannot be read"),
        (["sim", "--model", "esc10"], 2, "not a board that could be profiled"),
        (["unix", "--model", "esc10"], 2, "not a board that could be profiled"),
        (["rpi_pico2", "--model", "esc10"], 2, "nothing here emulates the processor"),
        (["esp32s3_devkit", "--model", "esc10"], 2, "nothing here emulates the processor"),
        (["qemu_arm", "--model", "esc10"], 2, "Profile rpi_pico: the same processor"),
    ],
)
def test_wrong_calls_are_one_sentence_and_an_exit_code(
    words: list[str], code: int, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["profile", *words]) == code
    out, err = capfd.readouterr()
    assert says in err
    assert out == ""


def test_a_model_too_large_for_the_board_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    large = tmp_path / "large.tflite"
    large.write_bytes(load_model("esc10").data + bytes(600_000))
    assert cli.run(["profile", "rpi_pico", "--model", str(large)]) == 6
    assert "too large for Raspberry Pi Pico" in capfd.readouterr().err


def test_another_engine_is_not_mistaken_for_this_one(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOUNDCORE_ENGINE", "tflm")
    assert cli.run(["profile", "rpi_pico", "--model", "esc10"]) == 2
    assert "Unset SOUNDCORE_ENGINE" in capfd.readouterr().err


def test_a_missing_emulator_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.run(["profile", "qemu_rv32", "--model", "esc10"]) == 7
    assert "apt-get install qemu-system-misc" in capfd.readouterr().err


def test_an_image_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    elf = tmp_path / "firmware.elf"
    for content in (b"", b"\x7fELF\x01\x01", b"\x7fELF\x01\x01" + bytes(60), b"\x7fELF\x02\x01" + bytes(60)):
        elf.write_bytes(content)
        with pytest.raises(DeviceError, match="not an ELF file"):
            instructions.measure(find_board("qemu_rv32"), load_model("esc10"), elf, elf)


def test_json_is_json() -> None:
    found = json.loads(json.dumps(as_json(report(), [limits.LimitCheck("ms", 20, 40, True)])))
    assert found["checks"] == [{"key": "ms", "limit": 20, "value": 40, "exceeded": True}]
    assert found["operators"][0]["cycles"] == 2_000_000
    assert found["operators"][0]["share"] == 0.4
