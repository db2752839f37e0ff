"""code.py of a CircuitPython board: the detector where soundcore is built in, else the sound for a computer's detector.

Beside it: boot.py, settings.json with the microphone's pins, and the folder soundfw in lib.
"""

try:
    import soundcore

    detects = bool(soundcore)
except ImportError:
    detects = False

if detects:
    import soundfw.main

    soundfw.main.start()
else:
    import soundfw.sender

    soundfw.sender.main()
