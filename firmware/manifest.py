# ruff: noqa: F821
# What every image has frozen in: the application, and what soundsdk build wrote about the board. soundcore and the
# detector come as C modules.
package("soundfw", base_path="$(SOUNDFW_DIR)")
module("soundboard.py", base_path="$(SOUNDBOARD_DIR)")
