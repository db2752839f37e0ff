"""An RP2040 board in an emulator: an unmodified UF2, a microphone, the USB serial port, cycle counts."""

from soundsdk_sim.rp2040.emulator import CallReport, CycleMark, FunctionCall, FunctionTotal, PinChange, Rp2040
from soundsdk_sim.rp2040.microphones import AdcMicrophone, I2sMicrophone, PdmMicrophone, microphone_of, modulate

__all__ = [
    "AdcMicrophone",
    "CallReport",
    "CycleMark",
    "FunctionCall",
    "FunctionTotal",
    "I2sMicrophone",
    "PdmMicrophone",
    "PinChange",
    "Rp2040",
    "microphone_of",
    "modulate",
]
