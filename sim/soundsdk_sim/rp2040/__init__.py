"""An RP2040 board in an emulator: an unmodified UF2, a microphone on I2S, the USB serial port, cycle counts."""

from .board import Calls, FunctionCall, FunctionCycles, Mark, Microphone, Rp2040, symbols
from .repl import Repl

__all__ = ["Calls", "FunctionCall", "FunctionCycles", "Mark", "Microphone", "Repl", "Rp2040", "symbols"]
