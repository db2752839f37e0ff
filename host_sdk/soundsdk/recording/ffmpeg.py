"""Sound that libsndfile cannot decode (M4A, AAC, WMA, AMR, WebM), decoded by ffmpeg where it is installed."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError, ToolError
from soundsdk.install.programs import system_install_command

_AU_HEADER = struct.Struct(">4sIIIII")  # mark, offset of the samples, bytes, encoding, rate, channels
_AU_FLOAT = 6


class NoFfmpegError(ToolError, DataError):
    """A recording that only ffmpeg decodes, and there is none: among other recordings it is passed over."""


def decode(
    path: Path, block_frames: int, on_format: Callable[[int, int], None]
) -> Iterator[NDArray[np.float32]]:
    """Yield the first sound track as blocks (frames, channels) of float32; on_format gets rate and channels before.

    DataError if there is no ffmpeg, or it finds no sound.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise NoFfmpegError(
            f"{path} is sound that only ffmpeg decodes, and ffmpeg is not installed.",
            f"Run {system_install_command('ffmpeg')}, or convert the file to WAV or FLAC.",
        )
    # An AU stream has the plainest header. The prefix keeps names with a colon or a hyphen from being read otherwise.
    words = ["-nostdin", "-v", "error", "-i", f"file:{os.path.abspath(path)}", "-map", "0:a:0", "-f", "au"]
    process = subprocess.Popen(
        [program, *words, "-c:a", "pcm_f32be", "-"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        rate, channels = _read_header(process.stdout, path)
        on_format(rate, channels)
        size = 4 * channels
        while data := process.stdout.read(block_frames * size):
            whole = data[: len(data) // size * size]
            yield np.frombuffer(whole, ">f4").astype(np.float32).reshape(-1, channels)
        if process.wait() != 0:
            raise DataError(f"{path} is damaged: ffmpeg ended with code {process.returncode}.", "Export it again.")
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _read_header(stream: IO[bytes], path: Path) -> tuple[int, int]:
    head = stream.read(_AU_HEADER.size)
    if len(head) == _AU_HEADER.size:
        mark, offset, _, encoding, rate, channels = _AU_HEADER.unpack(head)
        if mark == b".snd" and encoding == _AU_FLOAT and offset >= len(head) and channels:
            stream.read(offset - len(head))
            return rate, channels
    raise DataError(f"ffmpeg finds no sound in {path}.", "Leave it out, or export it again.")
