"""The firmware as a program, on ports with files: it prints the board's lines for a sound to standard output.

MicroPython: unix -m soundfw clip.wav         CPython: python -m soundfw clip.wav

The sound is a 16-bit mono WAV file at the model's rate, or raw int16 from any other file or, with -, from a pipe.
Settings may follow: model=my.tflite status_s=1.
"""

import sys

from . import FirmwareError
from . import main as firmware
from . import settings as settings_file
from .health import stopwatch
from .mic.microphone import open_source


def run(words):
    """Run the command line (without the program's name) and return the exit code.

    0: done; 1: the firmware refuses the model or the sound; 2: wrong usage or settings.
    """
    if not words or words[0][:2] == "--" or not all("=" in word for word in words[1:]):
        sys.stderr.write("usage: soundfw SOUND.wav|RAW|- [model=FILE] [KEY=VALUE ...]\n")
        return 2
    try:
        values = settings_file.of_board()
        for word in words[1:]:
            key, value = word.split("=", 1)
            values[key] = int(value) if value.isdigit() else value
        values["mic"] = {"kind": "file", "path": words[0]}
        settings = settings_file.Settings(values)
    except FirmwareError as e:
        sys.stderr.write("soundfw: " + e.args[1] + ".\n")
        return 2
    app = firmware.App(settings, lambda rate_hz: open_source(settings.mic, rate_hz), _write, stopwatch=stopwatch())
    app.start()
    if app.error:
        app.link.pump()
        sys.stderr.write("soundfw: " + app.error[1] + ".\n")
        if app.error[0] == "mic.wav":
            sys.stderr.write("  soundsdk sim hears sound files of any rate and format.\n")
        return 1
    while app.step():
        pass
    return 0


def _write(data):
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    return len(data)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
