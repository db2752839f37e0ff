"""Where `soundsdk sim` runs the firmware: in this Python, in MicroPython on this computer, on emulated chips."""
