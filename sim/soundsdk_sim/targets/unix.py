"""MicroPython's unix port as a program: sound through a pipe, lines from another."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import DetectorFile
from soundsdk.errors import DeviceError
from soundsdk_sim.board import BLOCK_SAMPLES, STATUS_S
from soundsdk_sim.targets.images import image
from soundsdk_sim.targets.lines import SILENCE_S, Lines

_PIECE_S = 0.016  # of sound, when it is paced


def run(
    detector: DetectorFile,
    pcm: NDArray[np.int16],
    on_line: Callable[[bytes], None] | None = None,
    realtime: bool = False,
) -> list[bytes]:
    """Every line, in order. ModelError if the firmware refuses the detector; DeviceError if the program stops."""
    program = image("unix")
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    lines = Lines(on_line)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "detector.tflite"
        model.write_bytes(detector.data)
        block = 256 if realtime else BLOCK_SAMPLES
        # As the simulator's board says hello: of no image.
        words = [str(program), "-m", "soundfw", "-", f"model={model}", "board=sim", "build=", f"status_s={STATUS_S}",
                 f"block_samples={block}"]  # fmt: skip
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        come: queue.Queue[bytes] = queue.Queue()
        feeder = threading.Thread(target=_feed, args=(process, pcm, rate_hz if realtime else 0), daemon=True)
        threads = [feeder, threading.Thread(target=_listen, args=(process, come), daemon=True)]
        for thread in threads:
            thread.start()
        try:
            while data := come.get(timeout=SILENCE_S):
                lines.add(data)
        except queue.Empty:
            raise DeviceError(f"MicroPython has said nothing for {SILENCE_S:.0f} s.", "Report it.") from None
        finally:
            process.kill()
            code = process.wait()
            for thread in threads:
                thread.join()
    if code > 0:
        raise DeviceError(f"MicroPython has ended with exit code {code}: {lines.said()}")
    return lines.lines


def _feed(process: subprocess.Popen[bytes], pcm: NDArray[np.int16], rate_hz: int) -> None:
    """Writes the sound, as fast as it is taken or (rate_hz not 0) as time goes by; the end of the pipe is its end."""
    assert process.stdin is not None
    # A program that stopped has said why on its other pipe.
    with contextlib.suppress(OSError):
        if rate_hz:
            piece = max(1, round(_PIECE_S * rate_hz))
            begin = time.monotonic()
            for at in range(0, len(pcm), piece):
                process.stdin.write(pcm[at : at + piece].astype("<i2").tobytes())
                process.stdin.flush()
                time.sleep(max(0.0, begin + (at + piece) / rate_hz - time.monotonic()))
        else:
            process.stdin.write(pcm.astype("<i2").tobytes())
    with contextlib.suppress(OSError):
        process.stdin.close()


def _listen(process: subprocess.Popen[bytes], come: queue.Queue[bytes]) -> None:
    assert process.stdout is not None
    with process.stdout as out:
        while data := out.read1(65536):  # type: ignore[attr-defined]
            come.put(data)
    come.put(b"")
