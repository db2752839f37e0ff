"""The start of boards that run by themselves at power-on: a main.py in the file system, else the detector.

This file is frozen. Ctrl-C leaves to the REPL.
"""

import soundfw.main

soundfw.main.start()
