"""The start of boards that run the detector at power-on; this file is frozen. Ctrl-C leaves to the REPL."""

import soundfw.main

soundfw.main.main()
