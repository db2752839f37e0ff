# ruff: noqa: F821
"""The modules frozen into every image: the application, and the board's facts that `soundsdk build` writes.

soundcore and the detector are C modules. What only other Pythons run, soundfw/elsewhere.txt, is left out: 10 KB of
flash.
"""

import fnmatch
import os
import sys

# MicroPython hands its variables to manifests as arguments.
soundfw = os.path.join(next(word[12:] for word in sys.argv if word.startswith("SOUNDFW_DIR=")), "soundfw")
with open(os.path.join(soundfw, "elsewhere.txt")) as file:
    elsewhere = file.read().split()
frozen = []
for folder, _, names in sorted(os.walk(soundfw)):
    for name in sorted(names):
        if name.endswith(".py") and not any(fnmatch.fnmatch(name, other) for other in elsewhere):
            frozen.append(os.path.relpath(os.path.join(folder, name), soundfw))

package("soundfw", files=frozen, base_path="$(SOUNDFW_DIR)")
module("soundboard.py", base_path="$(SOUNDBOARD_DIR)")
