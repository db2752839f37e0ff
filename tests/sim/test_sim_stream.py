"""`soundsdk sim -`: sound through a pipe gives the lines of a file, as it comes; and names of files in tables."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from soundsdk.cli import run
from soundsdk.commands.end_signals import EndedBySignals, EndSignals
from soundsdk.errors import DataError
from soundsdk.recording.sound_files import find_named
from soundsdk.recording.sound_stream import SoundStream
from soundsdk_sim.explain import plotted_sound, run_picture

PATIENCE_S = 60.0
CHILD = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from soundsdk.cli import run; sys.exit(run(sys.argv[1:]))"
)
STALLED = """
import os, signal, sys, threading, types
import numpy as np
from soundsdk.cli import run

class Endless:
    data = np.load(sys.argv[1]).astype("<i2").tobytes()

    def read1(self, size):
        if not fill.ident:
            os.set_blocking(1, False)
            try:
                while True:
                    os.write(1, b" ")
            except BlockingIOError:
                os.set_blocking(1, True)
            fill.start()
        return self.data

signal.signal(signal.SIGINT, signal.default_int_handler)
fill = threading.Timer(0.5, os.kill, (os.getpid(), int(sys.argv[2])))
sys.stdin = types.SimpleNamespace(buffer=Endless(), isatty=lambda: False)
sys.exit(run(sys.argv[3:]))
"""
Result = tuple[int, str, str]
Sim = Callable[..., Result]


class Pipe:
    """Bytes as a pipe delivers them: as many at once as it likes."""

    def __init__(self, data: bytes, most: int = 1 << 16) -> None:
        self._file = io.BytesIO(data)
        self._most = most

    def read1(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._most))


@pytest.fixture
def sim(model_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Sim:
    def call(*words: object, data: bytes = b"", most: int = 1 << 16) -> Result:
        piped = SimpleNamespace(buffer=Pipe(data, most), isatty=lambda: False)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", piped)
            code = run(["sim", *map(str, words), "-m", str(model_file)])
        return code, *capfd.readouterr()

    return call


def wav_bytes(sound: np.ndarray, rate_hz: int, subtype: str, kind: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate_hz, subtype, format=kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("rate_hz", "channels", "subtype", "kind", "most"),
    [
        (16000, 1, "PCM_16", "WAV", 1 << 16),
        (16000, 1, "PCM_16", "WAVEX", 999),
        (8000, 2, "PCM_U8", "WAV", 4097),
        (44100, 1, "PCM_24", "WAV", 1001),
        (48000, 2, "FLOAT", "WAVEX", 1 << 16),
        (16000, 3, "PCM_32", "WAV", 65535),
        (16000, 1, "DOUBLE", "WAV", 333),
        (16000, 1, "PCM_16", "RF64", 5000),
    ],
)
def test_a_piped_wav_gives_the_lines_of_the_file(
    rate_hz: int, channels: int, subtype: str, kind: str, most: int, sound: np.ndarray, sim: Sim, tmp_path: Path
) -> None:
    own = np.interp(np.arange(10 * rate_hz) / rate_hz, np.arange(len(sound)) / 16000, sound)
    data = wav_bytes(own[:, None] * np.linspace(1, 0.7, channels), rate_hz, subtype, kind)
    (tmp_path / "clip.wav").write_bytes(data)
    code, expected, _ = sim(tmp_path / "clip.wav")
    assert code == 0
    assert expected.count('"type":"event"') >= 6
    assert sim("-", data=data, most=most) == (0, expected, "")


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_a_length_that_its_writer_could_not_know_means_up_to_the_end(
    size: int, pcm: np.ndarray, wav: Path, sim: Sim
) -> None:
    data = wav_bytes(pcm, 16000, "PCM_16")
    assert data[36:40] == b"data"
    unknown = size.to_bytes(4, "little")
    listed = b"LIST\x05\0\0\0INFOx\0"  # of an odd size, as ffmpeg writes
    piped = b"RIFF" + unknown + data[8:36] + listed + b"data" + unknown + data[44:]
    assert sim("-", data=piped, most=1000)[:2] == sim(wav)[:2]


def test_what_follows_samples_of_known_length_is_not_heard(pcm: np.ndarray, wav: Path, sim: Sim) -> None:
    data = wav_bytes(pcm, 16000, "PCM_16") + b"LIST\x04\x10\0\0" + b"\x7f" * 4100
    assert sim("-", data=data)[:2] == sim(wav)[:2]


@pytest.mark.parametrize("most", [1, 4096, 1 << 16])
def test_raw_samples_give_the_lines_of_the_file(most: int, pcm: np.ndarray, sim: Sim, tmp_path: Path) -> None:
    count = 40000 if most == 1 else len(pcm)  # a byte at once takes its time
    raw = pcm[:count].astype("<i2").tobytes()
    soundfile.write(tmp_path / "part.wav", pcm[:count], 16000)
    assert sim("-", "--rate", 16000, data=raw, most=most)[:2] == sim(tmp_path / "part.wav")[:2]


@pytest.mark.parametrize("form", ["tsv", "audacity"])
def test_tables_of_a_stream_hold_the_events_of_the_file(form: str, wav: Path, sim: Sim) -> None:
    code, expected, _ = sim(wav, "--format", form)
    assert code == 0
    assert sim("-", "--format", form, data=wav.read_bytes())[1] == expected.replace("clip.wav", "-")


def test_a_stream_has_a_plot_when_it_has_ended(wav: Path, sim: Sim, tmp_path: Path) -> None:
    code, out, _ = sim("-", "--plot", tmp_path / "a.png", data=wav.read_bytes())
    assert code == 0
    assert out == sim(wav)[1]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


class Child:
    """soundsdk sim in a process of its own, with a pipe to it."""

    def __init__(self, *words: object) -> None:
        pipe = subprocess.PIPE
        words = (sys.executable, "-c", CHILD, "sim", "-", *words)
        self.process = subprocess.Popen([str(word) for word in words], stdin=pipe, stdout=pipe, stderr=pipe)
        self._guard = threading.Timer(PATIENCE_S, self.process.kill)  # a line that never comes ends the test
        self._guard.start()

    def write(self, samples: np.ndarray) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(samples.astype("<i2").tobytes())
        self.process.stdin.flush()

    def line_with(self, *words: str) -> str:
        """Read up to a line that holds all words."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if all(word in line.decode() for word in words):
                return line.decode()
        raise AssertionError(f"no line with {words}")

    def end(self) -> Result:
        out, err = self.process.communicate(timeout=PATIENCE_S)
        self._guard.cancel()
        return self.process.returncode, out.decode(), err.decode()


def test_events_come_out_while_the_sound_goes_in(pcm: np.ndarray, model_file: Path) -> None:
    child = Child("--rate", 16000, "-m", model_file)
    child.write(pcm[: 2 * 16000])
    assert '"seq":1,' in child.line_with('"edge":"on"')  # and standard input is still open
    child.write(pcm[2 * 16000 :])
    code, out, _ = child.end()
    assert code == 0
    assert '"edge":"off"' in out


def test_a_plot_keeps_no_line_back_and_is_drawn_when_a_signal_ends_the_sound(
    pcm: np.ndarray, model_file: Path, tmp_path: Path
) -> None:
    child = Child("--rate", 16000, "-m", model_file, "--plot", tmp_path / "a.png")
    child.write(pcm[: 2 * 16000])
    child.line_with('"edge":"on"')  # and standard input is still open
    child.process.send_signal(signal.SIGINT)
    assert child.end()[0] == 130
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("source", ["-", "clip"])
def test_the_plot_of_a_long_sound_holds_its_beginning(
    source: str, wav: Path, sim: Sim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def draw(suffix: str, model: bytes, sound: np.ndarray, title: str) -> bytes:
        drawn.append(len(sound))
        return title.encode()

    monkeypatch.setattr(run_picture, "run_picture", draw)
    monkeypatch.setattr(plotted_sound.PlottedSound.__init__, "__defaults__", (2.5,))
    words = [source if source == "-" else wav, "--plot", tmp_path / "a.png"]
    code, out, err = sim(*words, data=wav.read_bytes())
    assert (code, drawn) == (0, [40000])
    assert out == sim(wav)[1]
    assert err == f"a.png shows the first 30 minutes.\nwrote {tmp_path / 'a.png'}\n"
    assert b"its first 30 minutes" in (tmp_path / "a.png").read_bytes()


@pytest.mark.parametrize("form", ["jsonl", "tsv"])
def test_ctrl_c_ends_the_sound(form: str, pcm: np.ndarray, model_file: Path) -> None:
    """The pipe stays open, as that of a program that has not ended yet."""
    child = Child("--rate", 16000, "-m", model_file, "--format", form)
    child.write(pcm)
    if form == "jsonl":
        child.line_with('"edge":"on"')
    else:
        child.line_with("\thigh")
    child.process.send_signal(signal.SIGINT)
    code, out, err = child.end()
    assert code == 130
    assert err == "soundsdk: interrupted.\n"
    assert out.endswith("\n") or not out  # no half a line


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_event_that_is_on_when_a_signal_comes_ends_there(
    number: signal.Signals, exit_code: int, model_file: Path, pcm: np.ndarray
) -> None:
    burst = int(np.flatnonzero(np.abs(pcm) > 3000)[0])
    child = Child("--rate", 16000, "-m", model_file)
    child.write(np.concatenate([pcm[:burst], np.resize(pcm[burst : burst + 4000], 3 * 16000)]))
    child.line_with('"edge":"on"')
    child.process.send_signal(number)
    code, out, _ = child.end()
    assert code == exit_code
    assert '"edge":"off"' in out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say whether a pipe has room")
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("form", ["jsonl", "tsv"])
def test_a_signal_ends_it_while_nobody_reads_its_output(
    form: str, number: signal.Signals, exit_code: int, model_file: Path, pcm: np.ndarray, tmp_path: Path
) -> None:
    """Sound comes without end. The signal comes after the first of it, while the pipe for its lines is full."""
    np.save(tmp_path / "sound.npy", pcm)
    words = [sys.executable, "-c", STALLED, tmp_path / "sound.npy", int(number)]
    words += ["sim", "-", "--rate", "16000", "--format", form, "-m", model_file]
    pipe = subprocess.PIPE
    with subprocess.Popen([str(word) for word in words], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            assert process.wait(PATIENCE_S) == exit_code
        finally:
            process.kill()
        assert process.stderr is not None
        assert process.stderr.read().decode().count("\n") == 1


def test_ctrl_c_before_any_sound_is_no_error_of_the_sound(
    model_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Waiting:
        def read1(self, size: int, /) -> bytes:
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("it did not end")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Waiting(), isatty=lambda: False))
        assert run(["sim", "-", "-m", str(model_file)]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capfd.readouterr().err == "soundsdk: interrupted.\n"


def test_a_signal_that_comes_while_sound_is_dealt_with_ends_the_next_read() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with EndSignals() as signals:
            stream = EndedBySignals(Pipe(b"some and more"), signals)
            with signals.held_back():
                assert stream.read1(5) == b"some "
                signal.raise_signal(signal.SIGINT)  # held back: no exception here
                assert stream.read1(5) == b""
                assert stream.ended
                assert stream.read1(5) == b""
            with signals.held_back():
                assert EndedBySignals(Pipe(b"other"), signals).read1(5) == b"other"  # it is over
        assert signals.number == signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("words", "data", "code", "says"),
    [
        ([], b"", 1, "standard input holds no sound."),
        ([], b"fLaC and more of it", 1, "standard input is not a WAV file."),
        ([], b"RIFF", 1, "standard input is not a WAV file."),
        ([], b"RIFF\0\0\0\0WAVE", 1, "a WAV file without samples."),
        ([], b"RIFF\0\0\0\0WAVEdata\0\0\0\0abcd", 1, "a WAV file without samples."),
        ([], wav_bytes(np.zeros(900), 16000, "IMA_ADPCM"), 1, "samples that are compressed or odd."),
        ([], wav_bytes(np.zeros(0), 16000, "PCM_16"), 1, "standard input holds no sound."),
        ([], wav_bytes(np.full(900, 32000.0), 16000, "FLOAT"), 1, "integers saved as floats."),
        (["--rate", "16000"], b"", 1, "standard input holds no sound."),
        (["--rate", "16000"], wav_bytes(np.zeros(900), 16000, "PCM_16"), 2, "Leave out --rate."),
        (["--rate", "10"], b"", 2, "Invalid value for '--rate'"),
        (["--noise-db", "3"], b"", 2, "--noise-db needs the whole sound"),
        (["--pty"], b"", 2, "--pty needs the whole sound"),
        (["other.wav"], b"", 2, "the only sound of a call"),
    ],
)
def test_a_stream_that_is_no_sound_is_one_sentence(
    words: list[str], data: bytes, code: int, says: str, sim: Sim
) -> None:
    got, out, err = sim("-", *words, data=data)
    assert got == code
    assert says in err
    assert "event" not in out


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [1e300, -1e300, float("inf"), float("nan")])
def test_a_number_that_is_no_sound_is_one_sentence(value: float, sim: Sim) -> None:
    code, _, err = sim("-", data=wav_bytes(np.full(900, value), 16000, "DOUBLE"))
    assert (code, err.count("\n")) == (1, 2)
    assert err.startswith("soundsdk: standard input holds values that are not numbers.\n")


def test_a_terminal_is_no_sound_and_files_have_no_rate(
    wav: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Pipe(b""), isatty=lambda: True))
    assert run(["sim", "-", "-m", str(model_file)]) == 2
    assert "no sound comes from standard input." in capfd.readouterr().err
    assert run(["sim", str(wav), "--rate", "16000", "-m", str(model_file)]) == 2
    assert "--rate is that of raw sound from standard input." in capfd.readouterr().err


def test_a_pipe_that_breaks_is_named() -> None:
    class Broken:
        def read1(self, size: int, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(DataError, match="standard input cannot be read: Input/output error"):
        list(SoundStream(Broken()).blocks())


# ---- names of files


def test_every_file_has_a_name_of_its_own_in_tables(
    tmp_path: Path, wav: Path, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("a/x.wav", "b/x.wav", "b/sub/x.wav", "c/y.wav"):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        os.link(wav, place)

    def names(*paths: str) -> list[str]:
        return [name for _, name in find_named([Path(path) for path in paths])]

    assert names("a/x.wav", "c/y.wav") == ["x.wav", "y.wav"]
    assert names("a/x.wav", "b/x.wav") == ["a/x.wav", "b/x.wav"]
    assert names("a", "b", "c") == ["a/x.wav", "b/sub/x.wav", "b/x.wav", "c/y.wav"]
    assert names("b") == ["sub/x.wav", "x.wav"]
    assert names("a/x.wav", "a", "./a/x.wav") == ["x.wav"]  # the same file
    assert names("b", "b/sub") == ["sub/x.wav", "x.wav"]
    rows = sim("a", "b/x.wav", "--format", "tsv")[1].splitlines()[1:]
    assert {row.split("\t")[0] for row in rows} == {"a/x.wav", "b/x.wav"}
