"""A model of another tool, its labels and its frontend -> a detector file that equals the reference in every byte."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from soundsdk.detector_file import DetectorFile, from_bytes
from soundsdk.errors import CheckError, ModelError, UsageError
from soundsdk.labels import counted
from soundsdk.recording.dataset_files import check_label
from soundsdk_train.adoption.ends import Ends, find_ends, layout, to_int8
from soundsdk_train.adoption.network import Network
from soundsdk_train.adoption.window import attach_frontend, feature_quant
from soundsdk_train.engine_check import verify_apart
from soundsdk_train.judge import Judge, choose_judge
from soundsdk_train.run_settings import DetectorSettings, FrontendSettings

_STEPS = 24  # compared, on features of every kind
_CHANGE = "Change that part of the model, or train a detector with soundsdk train."
# What a refusal says of the model, and what its maker can do.
_WHAT_TO_DO = (
    (
        "(DEQUANTIZE)",
        "The converter left the layer after it in floating point: take one that it quantizes, or quantize all of the "
        "model (PyTorch: static_wi8_ai8 of ai-edge-quantizer).",
    ),
    ("(RELU", "Put the activation right behind a convolution or dense layer: converters make one operator of both."),
    ("(model.count)", "Unroll a recurrent layer over fewer frames, or give it its state as an input and an output."),
)
_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


@dataclass(frozen=True)
class Wish:
    """Hold what the file does not say. hop_frames: new frames of each step, None for a quarter of the window."""

    labels: tuple[str, ...]
    frontend: FrontendSettings
    name: str
    head: str | None = None
    entry: int | None = None  # which of the inputs takes the features
    unit: str = "soundsdk"
    offset: float = 0.0
    hop_frames: int | None = None


@dataclass(frozen=True)
class Adopted:
    """A detector file. window_frames: of the model; hop_frames: of a step; streams: it carries states of its own."""

    detector: DetectorFile
    window_frames: int
    hop_frames: int
    streams: bool
    steps_compared: int


def adopt(file: bytes, wish: Wish, judge: Judge | None = None) -> Adopted:
    """Make a detector of a model.

    Raises ModelError for a model that cannot be one, UsageError for a wish that does not fit it, CheckError if
    soundcore and the judge (default: the official interpreter) differ in a byte.
    """
    network = Network(file, wish.name)
    to_int8(network)
    ends = find_ends(network, len(wish.labels), wish.entry, wish.head)
    window, bands_first = layout(network.form(ends.features), wish.frontend.width)
    keeps = any(network.kind(op) == _LSTM for op in network.operators)
    streams = bool(ends.states) or keeps
    hop = _hop(window, wish.hop_frames, streams)
    given = feature_quant(wish.frontend, wish.unit, wish.offset)
    entry, more = attach_frontend(network, ends.features, given, wish.frontend.width, window, bands_first, hop)
    states = (*ends.states, *more)
    network.inputs = [entry, *(before for before, _ in states)]
    network.outputs = [ends.scores, *(after for _, after in states)]
    judge = judge or choose_judge()
    packed = network.pack(_metadata(file, wish, ends, hop, len(states), judge))
    detector = from_bytes(packed, wish.name)
    try:
        steps = verify_apart(packed, _clips(hop, wish.frontend.width), judge)
    except CheckError as error:
        message = error.message.replace("the trained model", "the model")
        raise CheckError(message, "Nothing was written. Report this with the model.") from error
    return Adopted(detector, window, hop, streams, steps)


def _hop(window: int, wished: int | None, streams: bool) -> int:
    if streams:
        if wished not in (None, window):
            raise UsageError(
                f"the model carries states and takes {counted(window, 'frame')} a step; no other hop fits.",
                "Leave out --hop-frames.",
            )
        return window
    if wished is None:
        return max(1, window // 4)
    if wished > window:
        raise UsageError(
            f"a hop of {counted(wished, 'frame')} would leave out some: the model's window is {window}.",
            "Give --hop-frames at most that.",
        )
    return wished


def _metadata(file: bytes, wish: Wish, ends: Ends, hop: int, states: int, judge: Judge) -> dict[str, Any]:
    import soundcore

    d = DetectorSettings()
    one = {"on": d.on, "off": d.off, "min_ms": d.min_ms, "hold_ms": d.hold_ms}
    return {
        "soundsdk": 1,
        "name": wish.name,
        "labels": list(wish.labels),
        "head": ends.head,
        "frontend": {"version": soundcore.FRONTEND_VERSION, **asdict(wish.frontend)},
        "hop_frames": hop,
        "features": 0,
        "scores": 0,
        "states": [[1 + i, 1 + i] for i in range(states)],
        "detector": {"pool_ms": d.pool_ms, "classes": [dict(one) for _ in wish.labels]},
        "provenance": {
            "adopted": hashlib.sha256(file).hexdigest(),
            "unit": wish.unit,
            "offset": wish.offset,
            "judge": str(judge),
        },
    }


def _clips(hop: int, width: int) -> Sequence[np.ndarray[Any, np.dtype[np.int8]]]:
    """Return features to compare on: noise of full range, quiet, and both ends."""
    rng = np.random.default_rng(1)
    noise = rng.integers(-128, 128, size=(_STEPS * hop, width)).astype(np.int8)
    slow = np.clip(np.cumsum(rng.normal(0, 4, size=(_STEPS * hop, width)), axis=0), -128, 127).astype(np.int8)
    ends = np.repeat(rng.choice(np.array([-128, 127], np.int8), size=_STEPS), hop)[:, None]
    return [noise, slow, np.broadcast_to(ends, (_STEPS * hop, width)).astype(np.int8)]


def check_labels(text: str) -> tuple[str, ...]:
    """Return the labels of a list with commas; UsageError for one that is empty, repeated or no label elsewhere."""
    labels = tuple(part.strip() for part in text.split(","))
    if not all(labels):
        raise UsageError("--labels has an empty label.", "Give them as a,b,c.")
    for at, label in enumerate(labels):
        check_label(label)
        if label in labels[:at]:
            raise UsageError(f"--labels has {label} twice.", "Give each output a label of its own.")
    return labels


def read_frontend(text: str | None) -> FrontendSettings:
    """Return the frontend of a TOML file, of settings that come with soundsdk, or of KEY=NUMBER,...; UsageError."""
    from soundsdk_train.run_settings import read_settings
    from soundsdk_train.setting_ranges import check_frontend

    if text is None or "=" not in text:
        return read_settings(text).frontend
    frontend = FrontendSettings()
    for part in text.split(","):
        key, _, value = part.partition("=")
        if key.strip() not in asdict(frontend):
            raise UsageError(f"a frontend has no {key.strip()!r}.", f"It has {', '.join(asdict(frontend))}.")
        try:
            setattr(frontend, key.strip(), int(value))
        except ValueError as error:
            raise UsageError(f"{key.strip()} of --frontend is {value!r}.", "Give a whole number.") from error
    check_frontend(frontend)
    return frontend


def refused(error: ModelError, path: str, name: str) -> ModelError:
    """Return an error whose sentence names the file and whose hint is for the model's maker."""
    used = f"{name} cannot be used: "
    why = error.message.removeprefix(used).removeprefix(f"{name} cannot be read: ")
    hint = next((hint for said, hint in _WHAT_TO_DO if said in why), _CHANGE)
    return ModelError(f"{path} cannot be adopted: {why}", hint if error.message.startswith(used) else error.hint)
