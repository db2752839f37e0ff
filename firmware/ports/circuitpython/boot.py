"""boot.py of a CircuitPython board, which runs before USB starts: a serial port for soundsdk beside the REPL's.

DRIVE: keep showing the board's files as a drive. While a computer has it, the board may only read them: thresholds,
rules and pushed detectors cannot be kept, and hello says so. False hands them to the board. To see the drive again,
press reset twice, the second time while the LED blinks yellow: safe mode runs no boot.py.
"""

import storage
import usb_cdc

DRIVE = True

usb_cdc.enable(console=True, data=True)
if not DRIVE:
    storage.disable_usb_drive()
