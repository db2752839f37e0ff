# ruff: noqa: F821
"""The modules frozen into every image: the application, and the board's facts that `soundsdk build` writes.

soundcore and the detector are C modules. What other Pythons run is left out: 10 KB of flash.
"""

import os
import sys

ELSEWHERE = ("circuit", "cpython", "numbered_files", "sender")
# MicroPython hands its variables to manifests as arguments.
soundfw = os.path.join(next(word[12:] for word in sys.argv if word.startswith("SOUNDFW_DIR=")), "soundfw")
frozen = []
for folder, _, names in sorted(os.walk(soundfw)):
    for name in sorted(names):
        if name.endswith(".py") and not name.startswith(ELSEWHERE):
            frozen.append(os.path.relpath(os.path.join(folder, name), soundfw))

package("soundfw", files=frozen, base_path="$(SOUNDFW_DIR)")
module("soundboard.py", base_path="$(SOUNDBOARD_DIR)")
