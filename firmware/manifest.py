# ruff: noqa: F821
"""The modules frozen into every image: the application, and the board's facts that `soundsdk build` writes.

soundcore and the detector are C modules.
"""

package("soundfw", base_path="$(SOUNDFW_DIR)")
module("soundboard.py", base_path="$(SOUNDBOARD_DIR)")
