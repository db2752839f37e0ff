"""Turns calls of the core's functions into the cost of one hop, by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from soundsdk.errors import DeviceError
from soundsdk_sim.profile.operators import Operator, kernel_calls

FRONTEND = "sc_frontend_push"
MODEL = "sc_model_invoke"
STAGES = {  # of the frontend; the rest of it is the window
    "sc_fft_real": "FFT",
    "sc_mel_square": "power",
    "sc_mel_levels": "mel and logarithm",
    "sc_dct_run": "DCT",
}
KERNEL = "sc_op_*_run"  # the functions of operators
FUNCTIONS = (FRONTEND, MODEL, *STAGES, KERNEL)
WARM_UP = 2  # hops until every buffer has been filled once


@dataclass(frozen=True)
class Call:
    """One call of a function. begin, end: on a clock that stops in sleep and in interrupts.

    interrupts_begin, interrupts_end: on a clock that runs in interrupts only.
    """

    name: str
    begin: int
    end: int
    interrupts_begin: int = 0
    interrupts_end: int = 0


@dataclass(frozen=True)
class Hop:
    """Cost of one step of the stream, in cycles or instructions.

    frontend, model: in the core; microphone: converting the driver's bytes to samples; interrupts: all of them; post:
    everything else, which is soundfw in MicroPython. stages: parts of frontend; operators: parts of model.
    """

    frontend: int
    model: int
    post: int
    microphone: int
    interrupts: int
    stages: dict[str, int]
    operators: tuple[int, ...]

    @property
    def total(self) -> int:
        """Cost of all parts."""
        return self.frontend + self.model + self.post + self.microphone + self.interrupts


def hops(calls: Sequence[Call], operators: Sequence[Operator], convert: str = "") -> list[Hop]:
    """Return the complete hops in a trace, in order, without those of the warm-up.

    A hop lasts from the end of one run of the model to the end of the next. convert: the function that converts a
    microphone's bytes to samples.
    """
    calls = sorted(calls, key=lambda call: call.begin)
    ends = [call for call in calls if call.name == MODEL]
    found = []
    for before, now in zip(ends[WARM_UP:], ends[WARM_UP + 1 :], strict=False):
        inside = [call for call in calls if before.end <= call.begin < now.end]
        if any(call.end > now.end for call in inside):
            raise DeviceError("the measured functions do not lie inside one another.", "Report it with the image.")
        frontend, model = _sum(inside, FRONTEND), _sum(inside, MODEL)
        microphone = _sum(inside, convert)
        stages = {title: _sum(inside, name) for name, title in STAGES.items()}
        stages = {title: cost for title, cost in stages.items() if cost}
        found.append(
            Hop(
                frontend=frontend,
                model=model,
                post=now.end - before.end - frontend - model - microphone,
                microphone=microphone,
                interrupts=now.interrupts_end - before.interrupts_end,
                stages={"window": frontend - sum(stages.values())} | stages,
                operators=_by_operator(inside, now, operators),
            )
        )
    return found


def _sum(calls: Sequence[Call], name: str) -> int:
    return sum(call.end - call.begin for call in calls if call.name == name)


def _by_operator(calls: Sequence[Call], model: Call, operators: Sequence[Operator]) -> tuple[int, ...]:
    """Return the cost of each operator: from its first kernel's call to that of the next one.

    The first operator begins with the model, and the last one ends with it.
    """
    kernels = [call for call in calls if fnmatchcase(call.name, KERNEL) and call.begin >= model.begin]
    expected = kernel_calls(operators)
    if [call.name for call in kernels] != [name for _, name in expected]:
        raise DeviceError(
            "the kernels that ran are not those of the model's operators.",
            "Build the image with this version of soundsdk.",
        )
    begins: dict[int, int] = {}
    for call, (index, _) in zip(kernels, expected, strict=True):
        begins.setdefault(index, call.begin)
    order = sorted(begins)
    edges = [model.begin, *(begins[index] for index in order[1:]), model.end]
    costs = [0] * len(operators)
    for i, index in enumerate(order):
        costs[index] = edges[i + 1] - edges[i]
    return tuple(costs)
