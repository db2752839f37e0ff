"""The targets of `soundsdk sim --on`: this Python, MicroPython on this computer, emulated chips."""
