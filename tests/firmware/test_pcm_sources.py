"""Sound from files, pipes and memory, and soundfw as a program."""

from __future__ import annotations

import subprocess
import sys
import types
import wave
from array import array
from pathlib import Path

import numpy as np
import pytest

from soundfw import FirmwareError, platform
from soundfw.mic.microphone import Mic, open_source
from soundfw.mic.pcm_file import File

ROOT = Path(__file__).resolve().parents[2]
PCM = np.random.default_rng(5).integers(-32768, 32768, 1000).astype(np.int16)


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) & 1)


def form(tag: int = 1, channels: int = 1, rate: int = 16000, bits: int = 16, more: bytes = b"") -> bytes:
    size = channels * bits // 8
    numbers = ((tag, 2), (channels, 2), (rate, 4), (rate * size, 4), (size, 2), (bits, 2))
    return chunk(b"fmt ", b"".join(n.to_bytes(k, "little") for n, k in numbers) + more)


def riff(*chunks: bytes) -> bytes:
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks))


def heard(settings: dict, block: int = 256, rate_hz: int = 16000) -> np.ndarray:
    mic = Mic(open_source(settings, rate_hz), block)
    parts = []
    while not mic.ended:
        if (part := mic.read()) is not None:
            parts.append(bytes(part))
    assert mic.lost == 0
    return np.frombuffer(b"".join(parts), np.int16)


def file(path: Path, data: bytes) -> dict:
    path.write_bytes(data)
    return {"kind": "file", "path": str(path)}


@pytest.mark.parametrize("block", [1, 7, 256, 999, 1000, 2048])
def test_a_wav_file_and_a_raw_one_are_read_whole(tmp_path: Path, block: int) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(PCM.tobytes())
    assert (heard({"kind": "file", "path": str(tmp_path / "a.wav")}, block) == PCM).all()
    assert (heard(file(tmp_path / "a.raw", PCM.tobytes()), block) == PCM).all()


def test_chunks_around_the_samples_are_not_sound(tmp_path: Path) -> None:
    data = chunk(b"data", PCM.tobytes())
    odd, long = chunk(b"LIST", b"abc"), chunk(b"junk", bytes(5001))
    assert (heard(file(tmp_path / "a.wav", riff(odd, form(), long, data, odd))) == PCM).all()
    extensible = form(0xFFFE, more=bytes([22, 0, 16, 0, 4, 0, 0, 0]) + b"\1\0" + bytes(14))
    assert (heard(file(tmp_path / "b.WAV", riff(extensible, data))) == PCM).all()


def test_a_truncated_file_is_read_to_its_end(tmp_path: Path) -> None:
    whole = riff(form(), chunk(b"data", PCM.tobytes()))
    assert (heard(file(tmp_path / "a.wav", whole[:-101])) == PCM[:949]).all()
    assert (heard(file(tmp_path / "a.raw", PCM.tobytes()[:-1])) == PCM[:999]).all()
    # A length that a program never went back to write.
    endless = whole.replace(b"data" + (2000).to_bytes(4, "little"), b"data" + b"\xff\xff\xff\xff")
    assert (heard(file(tmp_path / "b.wav", endless)) == PCM).all()
    assert len(heard(file(tmp_path / "empty.raw", b""))) == 0


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "mic.wav"),
        (b"not a WAV file, but long enough", "mic.wav"),
        (riff(form()), "mic.wav"),
        (riff(chunk(b"data", b"12")), "mic.wav"),
        (riff(form(rate=8000), chunk(b"data", b"12")), "mic.wav"),
        (riff(form(channels=2), chunk(b"data", b"1234")), "mic.wav"),
        (riff(form(bits=24), chunk(b"data", b"123456")), "mic.wav"),
        (riff(form(tag=3, bits=32), chunk(b"data", b"1234")), "mic.wav"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes, code: str) -> None:
    with pytest.raises(FirmwareError) as error:
        open_source(file(tmp_path / "a.wav", data), 16000)
    assert error.value.args[0] == code


def test_settings_that_lack_something_are_refused(tmp_path: Path) -> None:
    for settings in ({"kind": "file"}, {"kind": "file", "path": 3}, {"kind": "file", "path": str(tmp_path / "none")}):
        with pytest.raises(FirmwareError) as error:
            File(settings, 16000)
        assert error.value.args[0] == "mic.file"


def test_sound_in_memory_is_copied_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """MicroPython's uctypes is a stand-in here; tests/sim/test_targets_equal.py uses the real one."""
    import ctypes

    fake = types.ModuleType("uctypes")
    fake.addressof = lambda buf: ctypes.addressof(ctypes.c_char.from_buffer(buf))  # type: ignore[attr-defined]
    fake.bytearray_at = lambda at, n: memoryview((ctypes.c_char * n).from_address(at)).cast("B")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uctypes", fake)
    monkeypatch.delitem(sys.modules, "soundfw.mic.pcm_memory", raising=False)
    monkeypatch.setattr(platform, "SOURCES", (("memory", "pcm_memory", "Memory"),))
    samples = array("h", PCM.tolist())
    settings = {"kind": "memory", "address": samples.buffer_info()[0], "samples": len(samples)}
    assert (heard(settings) == PCM).all()
    with pytest.raises(FirmwareError, match="address"):
        open_source({"kind": "memory", "samples": 1}, 16000)
    monkeypatch.delitem(sys.modules, "soundfw.mic.pcm_memory", raising=False)


def program(*words: object, sound: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "soundfw", *map(str, words)]
    return subprocess.run(command, input=sound, capture_output=True, timeout=60, check=False)


def test_the_program_prints_the_same_lines_for_a_file_and_a_pipe(tmp_path: Path) -> None:
    model = ROOT / "firmware" / "models" / "home.tflite"
    path = tmp_path / "a.wav"
    path.write_bytes(riff(form(), chunk(b"data", np.tile(PCM, 400).tobytes())))
    words = (f"model={model}", "board=desk", "status_s=1")
    from_file = program(path, *words)
    assert from_file.returncode == 0
    lines = from_file.stdout.split()
    assert lines[0].startswith(b'{"type":"hello"')
    assert b'"board":"desk"' in lines[0]
    assert sum(b'"type":"status"' in line for line in lines) == 24
    assert program("-", *words, sound=np.tile(PCM, 400).tobytes()).stdout == from_file.stdout


def test_the_program_names_what_hears_a_file_of_another_form(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(riff(form(rate=44100), chunk(b"data", PCM.tobytes())))
    done = program(path, f"model={ROOT / 'firmware' / 'models' / 'home.tflite'}")
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        f"soundfw: {path} must be 16-bit PCM with one channel at 16000 Hz.",
        "  soundsdk sim hears sound files of any rate and format.",
    ]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "usage"),
        (("--help",), 2, "usage"),
        (("a.wav", "b.wav"), 2, "usage"),
        (("-", "colour=red"), 2, "unknown key colour"),
        (("-", "status_s=0"), 2, "status_s must be"),
        (("-", "model=none.tflite"), 1, "no model at none.tflite"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_an_exit_code(words: tuple[str, ...], code: int, says: str) -> None:
    done = program(*words)
    assert done.returncode == code
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr
