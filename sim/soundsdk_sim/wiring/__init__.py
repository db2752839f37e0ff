"""Wiring of a microphone to a board: the pins, the settings, the diagram."""

from __future__ import annotations

from soundsdk_sim.wiring.diagram import diagram
from soundsdk_sim.wiring.microphones import MICROPHONES, Microphone
from soundsdk_sim.wiring.wires import USES, Wire, find_microphone, fitting, mic_settings, wires

__all__ = [
    "MICROPHONES", "USES", "Microphone", "Wire", "diagram", "find_microphone", "fitting", "mic_settings", "wires",
]  # fmt: skip
