"""A program for an environment with soundsdk's wheel: flash a virtual Pico with a detector, print hello and events.

Arguments: the folder of these tests, an empty folder, a detector, a file of int16 samples.
"""

import json
import sys
from pathlib import Path

import numpy as np

import soundsdk
from soundsdk import Device
from soundsdk.cli import run

tests, folder, model, sound = sys.argv[1:]
sys.path.append(tests)

from virtual_boards.pico.virtual_pico import VirtualPico  # noqa: E402

with VirtualPico(Path(folder), sound=np.fromfile(sound, np.int16)) as board:
    code = run(["flash", "rpi_pico", "--model", model], board)
    with Device.open(system=board) as device:
        hello = device.hello
        found = [event.label for event, _ in zip(device.events(timeout_s=60), range(2), strict=False)]
print(json.dumps({"from": soundsdk.__file__, "code": code, "model": hello.model, "fw": hello.fw, "events": found}))
