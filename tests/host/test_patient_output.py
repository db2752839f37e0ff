"""A verb that saves what it has recorded ends on a signal, though nobody reads its output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from soundsdk.commands.end_signals import EndSignals
from soundsdk.commands.patient_output import write_patiently

PATIENCE_S = 60.0
TESTS = Path(__file__).resolve().parents[1]
# The signal comes once the take is saved, while the pipe for its path is full.
STALLED = """
import os, signal, sys, threading
import numpy as np
from fake_portaudio import FakeMicrophone, fake_sounddevice
sys.modules["sounddevice"] = fake_sounddevice(FakeMicrophone(np.ones(32000, np.int16)))
from soundsdk.cli import run
from soundsdk.recording import recorder

def save(*words, real=recorder.save, **more):
    found = real(*words, **more)
    os.set_blocking(1, False)
    try:
        while True:
            os.write(1, b" ")
    except BlockingIOError:
        os.set_blocking(1, True)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    return found

recorder.save = save
sys.exit(run(sys.argv[1:]))
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say whether a pipe has room")


def test_record_ends_while_nobody_reads_the_name_of_a_take(tmp_path: Path) -> None:
    words = [sys.executable, "-c", STALLED, "record", "--pc", "--label", "one", "--seconds", "1", "-o", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, env=environment) as process:
        try:
            assert process.wait(PATIENCE_S) == 143
        finally:
            process.kill()
    assert len(list(tmp_path.rglob("*.wav"))) == 1


@pytest.mark.parametrize("data", ["ä" * 200_000, b"\xff" * 200_000])
def test_much_reaches_a_reader(data: str | bytes, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with EndSignals() as signals, signals.held_back():
        if isinstance(data, str):
            with file.open("w", encoding="utf-8") as text:
                write_patiently(text, data, signals)
        else:
            with file.open("wb") as binary:
                write_patiently(binary, data, signals)
    assert file.read_bytes() == (data.encode() if isinstance(data, str) else data)
