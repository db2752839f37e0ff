"""The entrance of a network: features of the frontend, in the model's numbers, as a window that slides if it has to.

A model of a whole window gets a state: the newest frames of the window but those of the next hop. Joined with a hop of
new frames they are the window; the newest of it are the next state. Nothing in the firmware knows of it.
"""

from __future__ import annotations

import math
from typing import Any

from soundsdk.detector_file import FEATURE_SCALE
from soundsdk.errors import UsageError
from soundsdk_train.adoption.network import Form, Network, Quant
from soundsdk_train.run_settings import FrontendSettings

# Real numbers that models of other tools are trained on: what one dB is in them.
UNITS = {"soundsdk": 0.0, "db": 1.0, "ln": math.log(10) / 10, "log10": 0.1}


def feature_quant(frontend: FrontendSettings, unit: str, offset: float) -> Quant:
    """Return the scale and zero point by which the frontend's int8 values are the model's numbers.

    unit soundsdk: those that soundsdk's own detectors see. Else unit times the band's level in dBFS, plus offset.
    Raises UsageError if no int8 zero point gives that.
    """
    if unit == "soundsdk":
        if offset:
            raise UsageError("--offset is for levels, not for --unit soundsdk.", "Leave one of them out.")
        return FEATURE_SCALE, 0
    if frontend.coefficients:
        raise UsageError("an MFCC is no level: it has only --unit soundsdk.", "Leave out --unit, or the coefficients.")
    step_db = frontend.step_mdb / 1000
    scale = UNITS[unit] * step_db
    lowest = UNITS[unit] * frontend.floor_db + offset  # the number that -128 stands for
    zero = round(-128 - lowest / scale)
    if not -128 <= zero <= 127:
        top = lowest + 255 * scale
        raise UsageError(
            f"the frontend's levels are {lowest:g} to {top:g} in the model's numbers, which has no 0 in it.",
            "Set floor_db and step_mdb so that 0 lies between, or another --offset.",
        )
    return scale, zero


def attach_frontend(
    network: Network, features: int, given: Quant, width: int, window: int, bands_first: bool, hop: int
) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Put what makes the model's input of a hop of frames in front of a network.

    given: the quantization of the frontend's features. Returns the new features input and the states that it needs.
    """
    form = network.form(features)
    front: list[Any] = []
    states: tuple[tuple[int, int], ...] = ()

    def then(kind: str, inputs: list[int], to: Form, options: str, **fields: Any) -> int:
        made = network.tensor(to)
        front.append(network.operator(kind, inputs, made, options, **fields))
        return made

    entry = at = network.tensor(Form((1, hop, width, 1), given))
    if given != form.quant:
        at = then("QUANTIZE", [at], Form((1, hop, width, 1), form.quant), "QuantizeOptions")
    if hop < window:
        past = Form((1, window - hop, width, 1), form.quant)
        before = network.tensor(past)
        at = then(
            "CONCATENATION", [before, at], Form((1, window, width, 1), form.quant), "ConcatenationOptions", axis=1
        )
        ends = [network.ints(values) for values in ([0, hop, 0, 0], [1, window, width, 1], [1, 1, 1, 1])]
        states = ((before, then("STRIDED_SLICE", [at, *ends], past, "StridedSliceOptions")),)
    if bands_first:
        turned = Form((1, width, window, 1), form.quant)
        at = then("TRANSPOSE", [at, network.ints([0, 2, 1, 3])], turned, "TransposeOptions")
    if network.form(at).shape != form.shape:
        at = then("RESHAPE", [at, network.ints(form.shape)], form, "ReshapeOptions", newShape=list(form.shape))
    network.redirect(features, at)
    network.operators = [*front, *network.operators]
    return entry, states
