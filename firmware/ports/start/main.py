# Frozen into boards that start the detector by themselves. Ctrl-C leaves to the REPL.
import soundfw.main

soundfw.main.main()
