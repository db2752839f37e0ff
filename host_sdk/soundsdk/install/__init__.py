"""The parts of an installation that soundsdk needs only for some of its verbs, and the commands that add them."""
