"""An RP2040 board in an emulator: an unmodified UF2, a microphone, the USB serial port, cycle counts."""

from soundsdk_sim.rp2040.board import (
    AdcMicrophone,
    Calls,
    FunctionCall,
    FunctionCycles,
    Mark,
    Microphone,
    PdmMicrophone,
    Rp2040,
    symbols,
)
from soundsdk_sim.rp2040.repl import Repl

__all__ = [
    "AdcMicrophone",
    "Calls",
    "FunctionCall",
    "FunctionCycles",
    "Mark",
    "Microphone",
    "PdmMicrophone",
    "Repl",
    "Rp2040",
    "symbols",
]
