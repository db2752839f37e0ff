"""The work that is measured on the simulated Cortex-M0+, its output compared to this computer's or TFLM's.

Figures are by the names of peers.toml: cycles, or bytes.
"""

from __future__ import annotations

import os
import statistics
import struct
import subprocess
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundcore

from benchmarks.m0.simulated import Run, run
from soundsdk.models.shipped import load_model
from vectors import frontend_pcm

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / ".cache" / "m0"
MODELS = Path(os.environ.get("SOUNDSDK_DATA", ROOT.parent / "shared" / "data")) / "models"
MODEL_NAMES = ("conv", "ds", "fc")
FRAMES = 40
STEPS = 6
I2S_SAMPLES = 1000
_OPERATORS = "sc_op_*_run"
# In the order of sc_frontend_settings_t. The range is microfrontend's.
_FRONTEND = {
    "rate_hz": 16000, "window": 512, "hop": 256, "fft": 512, "bands": 40, "low_hz": 125, "high_hz": 7500,
    "coefficients": 0, "floor_db": -100, "step_mdb": 400,
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One operator of a model. shape: of its output."""

    operator: str
    shape: tuple[int, ...]
    macs: int
    cycles: int


@dataclass
class Measured:
    """Figures by name, the layers of models, and a line for each output that is not what it should be."""

    figures: dict[str, int] = field(default_factory=dict)
    layers: dict[str, list[Layer]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def compare(self, name: str, output: bytes, expected: bytes) -> None:
        """Note it if the outputs differ."""
        if output != expected:
            differing = sum(a != b for a, b in zip(output, expected, strict=False))
            self.wrong.append(f"{name}: {len(output)} bytes of output for {len(expected)}, {differing} of them differ")


def have_models() -> bool:
    """Return whether the benchmark models are here."""
    return all((MODELS / f"{name}.tflite").is_file() for name in MODEL_NAMES)


def model_parts(name: str) -> list[bytes]:
    """Return a benchmark model and its input."""
    return [(MODELS / f"{name}{end}").read_bytes() for end in (".tflite", ".in")]


def measure_models(built: Path, names: Sequence[str] = MODEL_NAMES) -> Measured:
    """Run benchmark models once each: invoke, layers, arena."""
    measured = Measured()
    for name in names:
        parts = model_parts(name)
        ran = run(built, "model", parts, ["sc_model_invoke", _OPERATORS])
        (measured.figures[name],) = ran.cycles("sc_model_invoke")
        measured.figures[f"arena_{name}"] = int.from_bytes(ran.output[:4], "little")
        measured.layers[name] = _layers(parts[0], [call.cycles for call in ran.calls if call.depth == 1])
        measured.compare(name, ran.output[4:], (MODELS / f"{name}.out").read_bytes())
    return measured


def _layers(model: bytes, cycles: list[int]) -> list[Layer]:
    """Return what each operator took, from the cycles of all calls in one step; some operators need several."""
    layers = []
    for operator, shape, macs, _, calls in soundcore.operators(model):
        layers.append(Layer(operator, shape, macs, sum(cycles[:calls])))
        del cycles[:calls]
    if cycles:
        raise RuntimeError(f"{len(cycles)} calls of operators belong to none: see nn/cost.c")
    return layers


def frontend_parts() -> list[bytes]:
    """Return the settings and the samples of FRAMES frames."""
    samples = _FRONTEND["window"] + (FRAMES - 1) * _FRONTEND["hop"]
    return [struct.pack("<10i", *_FRONTEND.values()), frontend_pcm.pcm(samples).tobytes()]


def measure_frontend(built: Path) -> Measured:
    """Push a signal: the mean of all frames but the first, which has more samples to take."""
    parts = frontend_parts()
    ran = run(built, "frontend", parts, ["sc_frontend_push"])
    measured = Measured()
    measured.figures["frame"] = round(statistics.mean(ran.cycles("sc_frontend_push")[1:]))
    frontend, expected = soundcore.Frontend(**_FRONTEND), bytearray(FRAMES * _FRONTEND["bands"])
    frontend.push(parts[1], expected)
    measured.compare("frontend", ran.output, bytes(expected))
    return measured


def measure_fft(built: Path) -> Measured:
    """Transform one frame alone, of which the frontend makes the first butterflies with the window."""
    pcm = frontend_pcm.pcm(_FRONTEND["fft"])
    ran = run(built, "fft", [pcm.tobytes()], ["sc_fft_real"])
    measured = Measured()
    (measured.figures["fft"],) = ran.cycles("sc_fft_real")
    parts = np.frombuffer(ran.output, "<i4").reshape(-1, 2) / 256
    found, expected = parts[:, 0] + 1j * parts[:, 1], np.fft.rfft(np.array(pcm, float))
    if np.abs(found - expected).max() > 1e-4 * np.abs(expected).max():
        measured.wrong.append(f"fft: off by up to {np.abs(found - expected).max():g}")
    return measured


def esc10_parts() -> list[bytes]:
    """Return the shipped detector, the samples of STEPS steps, and its detector's settings and rules."""
    model = load_model("esc10")
    frontend, detector = model.metadata["frontend"], model.metadata["detector"]
    samples = STEPS * model.step_samples + frontend["window"] - frontend["hop"]
    settings = struct.pack("<2i", model.metadata["head"] == "softmax", detector["pool_ms"])
    rules = [rule[key] for rule in detector["classes"] for key in ("on", "off", "min_ms", "hold_ms")]
    return [model.data, frontend_pcm.pcm(samples).tobytes(), settings, array("H", rules).tobytes()]


def measure_esc10(built: Path) -> Measured:
    """Open the shipped detector as a board does and feed it: the mean of all steps but the first."""
    parts = esc10_parts()
    counted = ["sc_stream_*", "sc_model_scratch", "sc_model_invoke", "sc_detector_step", _OPERATORS]
    ran = run(built, "stream", parts, counted)
    measured = Measured()
    opening = ("sc_model_scratch", "sc_stream_size", "sc_stream_init")
    measured.figures["esc10_load"] = sum(call.cycles for call in ran.calls if call.depth == 0 and call.name in opening)
    measured.figures["esc10_step"] = round(statistics.mean(ran.cycles("sc_model_invoke")[1:]))
    measured.figures["esc10_hop"] = round(statistics.mean(ran.cycles("sc_stream_feed")[1:]))
    measured.figures["esc10_detector"] = round(statistics.mean(ran.cycles("sc_detector_step")[1:]))
    last = [call.cycles for call in ran.calls if call.depth == 2 and call.name.startswith("sc_op_")]
    measured.layers["esc10"] = _layers(parts[0], last[-(len(last) // STEPS) :])
    measured.figures["arena_esc10"] = int.from_bytes(ran.output[:4], "little")
    measured.compare("esc10", ran.output[4:], _steps_here(*parts))
    return measured


def _steps_here(model: bytes, pcm: bytes, settings: bytes, rules: bytes) -> bytes:
    """Return the logits and the detector's scores of all steps, by this computer's soundcore."""
    softmax, pool_ms = struct.unpack("<2i", settings)
    stream, shown, at = soundcore.Stream(model), b"", 0
    detector = stream.detector(array("H", rules), bool(softmax), pool_ms)
    while at < len(pcm):
        at += 2 * stream.feed(pcm[at:])
        if stream.stepped:
            detector.step(at // 2)
            shown += bytes(stream.scores) + bytes(detector.scores)
    return shown


def measure_capture(built: Path) -> Measured:
    """Convert what a microphone on I2S delivers, as a Pico does by default, and with gain and a high-pass."""
    measured, raw = Measured(), frontend_pcm.pcm(2 * I2S_SAMPLES).tobytes()
    for name, shift, dc_shift in (("i2s", 0, 0), ("i2s_filtered", 2, 8)):
        settings = {"bits": 24, "shift": shift, "channel": 0, "channels": 1, "dc_shift": dc_shift}
        ran = run(built, "capture", [struct.pack("<5i", *settings.values()), raw], ["sc_i2s_unpack_convert"])
        (measured.figures[name],) = ran.cycles("sc_i2s_unpack_convert")
        expected = array("h", bytes(2 * I2S_SAMPLES))
        soundcore.I2sUnpacker(**settings).convert(raw, expected)
        measured.compare(name, ran.output, expected.tobytes())
    return measured


def measure_code(built: Path) -> Measured:
    """Return what programs with soundcore hold beyond an empty one: code and constants, without what nothing calls."""
    paths = [str(built / f"size_{name}.elf") for name in ("none", "operators", "stream")]
    done = subprocess.run(["arm-none-eabi-size", *paths], capture_output=True, text=True, timeout=60, check=True)
    none, operators, stream = (sum(map(int, line.split()[:2])) for line in done.stdout.splitlines()[1:])
    return Measured({"code_operators": operators - none, "code_stream": stream - none})


def measure_all(built: Path) -> Measured:
    """Measure everything; without the benchmark models, everything else, which standard error then says."""
    whole = Measured()
    works = (measure_capture, measure_frontend, measure_fft, measure_esc10, measure_code)
    parts = [measure(built) for measure in works]
    if have_models():
        parts.insert(0, measure_models(built))
    else:
        print(f"no benchmark models in {MODELS}: set SOUNDSDK_DATA", file=sys.stderr)
    for part in parts:
        whole.figures |= part.figures
        whole.layers |= part.layers
        whole.wrong += part.wrong
    return whole


def profile(built: Path, name: str) -> Run:
    """Return the run of a model, "frame" or "esc10" with its profile: that of one invoke, all frames, all steps."""
    if name == "frame":
        return run(built, "frontend", frontend_parts(), ["sc_frontend_push"], profile=True)
    if name == "esc10":
        return run(built, "stream", esc10_parts(), ["sc_stream_feed"], profile=True)
    return run(built, "model", model_parts(name), ["sc_model_invoke"], profile=True)
