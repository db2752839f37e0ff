"""The target on this computer: MicroPython's unix port as a program, sound in and lines out through pipes."""

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
from soundsdk_sim.targets.images import cached_image
from soundsdk_sim.targets.line_collector import SILENCE_S, LineCollector

_PIECE_S = 0.016  # of sound, in real time


def collect_lines(
    detector: DetectorFile,
    pcm: NDArray[np.int16],
    on_line: Callable[[bytes], None] | None = None,
    realtime: bool = False,
    program: Path | None = None,
    silence_s: float = SILENCE_S,
) -> list[bytes]:
    """Run the firmware over a recording and return every line, in order.

    program: default: the image for unix. Raises ModelError if the firmware refuses the detector, DeviceError if the
    program fails or sends nothing for silence_s.
    """
    program = program or cached_image("unix")
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    lines = LineCollector(on_line)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "detector.tflite"
        model.write_bytes(detector.data)
        block = 256 if realtime else BLOCK_SAMPLES
        # No build: hello is then that of the simulator's board, which has no image.
        words = [str(program), "-m", "soundfw", "-", f"model={model}", "board=sim", "build=", f"status_s={STATUS_S}",
                 f"block_samples={block}"]  # fmt: skip
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        received: queue.Queue[bytes] = queue.Queue()
        feeder = threading.Thread(target=_feed, args=(process, pcm, rate_hz if realtime else 0), daemon=True)
        threads = [feeder, threading.Thread(target=_receive, args=(process, received), daemon=True)]
        for thread in threads:
            thread.start()
        try:
            while data := received.get(timeout=silence_s):
                lines.add(data)
        except queue.Empty:
            raise DeviceError(f"MicroPython has sent nothing for {silence_s:.0f} s.", "Report it.") from None
        finally:
            process.kill()
            code = process.wait()
            for thread in threads:
                thread.join()
    if code > 0:
        raise DeviceError(f"MicroPython has ended with exit code {code}: {lines.last_text()}")
    return lines.lines


def _feed(process: subprocess.Popen[bytes], pcm: NDArray[np.int16], rate_hz: int) -> None:
    """Write the sound and close the pipe: as fast as the program reads it, or in real time if rate_hz is not 0."""
    assert process.stdin is not None
    # A program that has stopped gives its reason on the other pipe.
    with contextlib.suppress(OSError):
        piece = round(_PIECE_S * rate_hz) or len(pcm) or 1
        begin = time.monotonic()
        for at in range(0, len(pcm), piece):
            process.stdin.write(pcm[at : at + piece].astype("<i2").tobytes())
            process.stdin.flush()
            if rate_hz:
                time.sleep(max(0.0, begin + (at + piece) / rate_hz - time.monotonic()))
    with contextlib.suppress(OSError):
        process.stdin.close()


def _receive(process: subprocess.Popen[bytes], received: queue.Queue[bytes]) -> None:
    assert process.stdout is not None
    with process.stdout as out:
        while data := out.read1(65536):  # type: ignore[attr-defined]
            received.put(data)
    received.put(b"")
