"""Measure the sound itself, per step and over the recording: silence, clipping, level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk.recording.dataset_files import levels
from soundsdk.recording.mic_faults import examine
from soundsdk_sim.explain.steps import Trace

CLIPPED_SAMPLES = 3  # in one step, at either end of the range; one or two can be the true peak
_EXAMINED_S = 300  # of a longer recording, for faults of a microphone: an hour would take gigabytes
_FAULTS = ("clipping", "quiet", "hum", "dc")  # those that a decoded file can show as well as a microphone


@dataclass(frozen=True)
class StepInput:
    """The samples that are new in one step. Levels in dBFS, as in soundsdk.recording.dataset_files.levels."""

    rms_dbfs: float
    peak_dbfs: float
    clipped: bool
    silent: bool  # every sample has the same value


def step_inputs(trace: Trace, pcm: NDArray[np.int16]) -> list[StepInput]:
    """Measure the samples of each step; those of the first are all up to its end."""
    starts = [0, *trace.ends[:-1].tolist()]
    return [step_input(pcm[a:b]) for a, b in zip(starts, trace.ends.tolist(), strict=True)]


def step_input(pcm: NDArray[np.int16]) -> StepInput:
    """Measure one stretch of samples; it must hold at least one."""
    level = levels(pcm)
    clipped = level["clipped"] >= CLIPPED_SAMPLES
    return StepInput(level["rms_dbfs"], level["peak_dbfs"], clipped, bool((pcm == pcm[0]).all()))


def input_notes(trace: Trace, pcm: NDArray[np.int16], inputs: list[StepInput]) -> list[str]:
    """Return what the sound lacks, one sentence each, the gravest first; none if nothing is wrong with it."""
    notes = []
    step_s = trace.step_samples / trace.rate_hz
    silent = sum(one.silent for one in inputs)
    if (pcm == pcm[0]).all():
        return [f"every sample is {int(pcm[0])}: the recording is digital silence."]
    if silent:
        notes.append(f"digital silence for {silent * step_s:.1f} of {trace.seconds:.1f} s.")
    if len(pcm) >= trace.rate_hz:
        faults = examine(pcm[: _EXAMINED_S * trace.rate_hz], trace.rate_hz)
        begin = f"in its first {_EXAMINED_S // 60} minutes " if trace.seconds > _EXAMINED_S else ""
        notes += [begin + fault.sentence for fault in faults if fault.name in _FAULTS]
    clipped = sum(one.clipped for one in inputs)
    if clipped and not any("cut off flat" in note for note in notes):
        notes.append(f"samples at full scale in {clipped} of {len(inputs)} steps: clipped there.")
    return notes
