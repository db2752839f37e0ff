"""soundsdk record against virtual boards: every sample is captured or told as lost, and training reads the files."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from tone_boards import MODEL, RATE_HZ, HeldMicrophone, WaitingBoard, beeps, board

from fake_portaudio import FakeMicrophone, fake_sounddevice
from sim.tiny_model import HZ, tones
from soundfw.wire import framing
from soundsdk import cli
from soundsdk.device.audio_lines import Joiner, Piece, Take, TakeInterrupted, cut, decode, record, triggered
from soundsdk.device.messages import Audio, Event
from soundsdk.device.session import Device
from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import ProtocolError, UsageError
from soundsdk.labels import parse_audacity
from soundsdk.recording.dataset_files import write
from soundsdk.recording.recorder import record_pc
from soundsdk_sim.faults import Faulty, Noise
from soundsdk_sim.live import LiveBoard
from virtual_boards.virtual_port import VirtualPorts
from waiting import PATIENCE_S


class Link:
    """A transport to one board, whose sound begins with the first recording where its microphone is given."""

    serial_number = None
    path = "link"

    def __init__(self, live: LiveBoard, microphone: HeldMicrophone | None = None) -> None:
        self.live = live
        self._microphone = microphone

    def read(self, timeout_s: float) -> bytes:
        return self.live.read(timeout_s)

    def write(self, data: bytes) -> None:
        self.live.write(data)
        if self._microphone is not None and b'"record"' in data:
            self._microphone.release()

    def close(self) -> None:
        self.live.stop()

    def reopen(self) -> Link:
        raise ConnectionLost("gone for good")


def fast(pcm: NDArray[np.int16], speed: float = 20.0) -> Link:
    microphone = HeldMicrophone(pcm, speed)
    return Link(WaitingBoard(MODEL, microphone, RATE_HZ, {"block_samples": 2048, "status_s": 3600}), microphone)


def noise(seconds: float, rms: float = 2000) -> NDArray[np.int16]:
    return np.round(np.random.default_rng(1).normal(0, rms, int(seconds * RATE_HZ))).astype(np.int16)


def tone(seconds: float, hz: float, amplitude: float) -> NDArray[np.int16]:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return np.round(amplitude * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def snr_db(sent: NDArray[np.int16], take: Take) -> float:
    signal = error = 0.0
    for piece in take.pieces:
        x = sent[piece.at : piece.end].astype(float)
        signal += float((x**2).sum())
        error += float(((x - piece.pcm) ** 2).sum())
    return 10 * np.log10(signal / error) if error else np.inf


def test_sixty_seconds_are_captured_or_lost_to_the_sample() -> None:
    pcm = noise(75)
    with Device(fast(pcm)) as device:
        take = record(device, 60)
    assert take.captured + take.lost == take.samples == 960_000
    assert (take.lost, take.lost_board, take.whole, take.gaps) == (0, 0, True, [])
    assert len(take.pieces) == 1
    assert snr_db(pcm, take) >= 20


@pytest.mark.parametrize(("hz", "dbfs"), [(63, -1), (440, -10), (1000, -30), (3150, -60), (5001, -1), (7900, -20)])
def test_tones_arrive_with_30_db(hz: float, dbfs: float) -> None:
    pcm = tone(10, hz, 32767 * 10 ** (dbfs / 20))
    with Device(fast(pcm)) as device:
        assert snr_db(pcm, record(device, 3)) >= 30


def test_sixteen_bits_arrive_without_loss() -> None:
    pcm = noise(20)
    with Device(fast(pcm, speed=8)) as device:
        take = record(device, 5, bits=16)
    assert snr_db(pcm, take) == np.inf
    assert take.captured == 80_000


def test_damaged_lines_are_gaps_where_they_were_and_nothing_else_is_missing() -> None:
    pcm = noise(30)
    link = Faulty(fast(pcm), noise=Noise(replace=0.0001, seed=5))
    with Device(link) as device:
        take = record(device, 20)
        damaged = device.counts.damaged
    assert damaged > 0
    assert take.lost_board == 0
    assert take.lost == sum(samples for _, samples in take.gaps) > 0
    assert all(samples % 1024 == 0 or at + samples == take.samples for at, samples in take.gaps)
    assert take.captured + take.lost == 320_000
    assert snr_db(pcm, take) >= 20


def test_a_pulled_cable_leaves_what_has_come(tmp_path: Path) -> None:
    link = Faulty(fast(noise(30)), unplug_read=60_000)
    device = Device(link)
    take = record(device, 20)
    assert not take.whole
    assert 0 < take.captured < 320_000
    assert take.captured + take.lost == 320_000
    sidecar, *_ = write(tmp_path, "x", take, {})
    assert json.loads(sidecar.read_text())["whole"] is False
    device.close()


class Swallow:
    """A filter that lets lines through until `until` of them have matched, then those only that do not match."""

    def __init__(self, pattern: bytes, until: int = 0) -> None:
        self._pattern = pattern
        self._left = until

    def apply(self, data: bytes) -> bytes:
        out = b""
        for line in data.splitlines(keepends=True):
            if self._left and b'"re":"record"' in line:
                self._left -= 1
                out += line
            elif self._left or self._pattern not in line:
                out += line
        return out


def test_a_board_that_falls_silent_is_an_error_after_some_seconds() -> None:
    # The answers to stop and to start come; nothing after them.
    link = Faulty(fast(noise(10), speed=2), noise=Swallow(b"", until=2))
    begin = time.monotonic()
    with Device(link) as device, pytest.raises(ProtocolError, match="sends no sound"):
        record(device, 5, silence_s=0.5)
    assert time.monotonic() - begin < PATIENCE_S


class EmptyFirst:
    """A filter that takes the samples out of the first line of audio."""

    def __init__(self) -> None:
        self._at = -1

    def apply(self, data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        for i, line in enumerate(lines):
            message = framing.decode(line.strip())
            if message and message["type"] == "audio" and self._at in (-1, message["at"]):
                self._at = message["at"]
                lines[i] = framing.encode({**message, "data": ""})
        return b"".join(lines)


def test_lines_without_samples_begin_no_sound() -> None:
    seen: list[int] = []
    with Device(Faulty(fast(noise(10)), noise=EmptyFirst())) as device:
        take = record(device, 1, bits=16, progress=lambda done, of: seen.append(done))
    assert take.captured + take.lost == take.samples == 16_000
    assert 0 < take.lost < 2_000
    assert seen[-1] == take.captured


def test_a_recording_of_which_nothing_arrives_is_all_lost(tmp_path: Path, capfd: Any, monkeypatch: Any) -> None:
    link = Faulty(fast(noise(10)), noise=Swallow(b'"audio"'))
    monkeypatch.setattr("soundsdk.device.session.open_transport", lambda where, system: link)
    assert cli.run(["record", "--label", "a", "--seconds", "2", "-o", str(tmp_path)]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "0 samples captured, 32000 lost, in 1 gap" in err
    assert not list(tmp_path.rglob("*.wav"))
    facts = json.loads(next(tmp_path.rglob("*.json")).read_text())
    assert (facts["captured"], facts["lost"], facts["lost_board"], facts["whole"]) == (0, 32_000, 0, True)


def test_a_trigger_gives_the_sound_before_and_after_the_onset() -> None:
    bursts = [(3.0, 3.6, "high"), (9.0, 9.6, "low"), (14.0, 14.6, "high"), (20.0, 20.5, "high")]
    pcm = np.round(32768 * tones(40, bursts)).astype(np.int16)
    with Device(fast(pcm, speed=8)) as device:
        found = []
        for take in triggered(device, "high", seconds=2, pre_roll_s=1, timeout_s=PATIENCE_S):
            found.append(take)
            if len(found) == 3:
                break
        # The board has stopped: the next recording is not refused.
        assert record(device, 1).captured == 16_000
    for take, (onset, _, _) in zip(found, [b for b in bursts if b[2] == "high"], strict=True):
        assert (take.samples, take.lost, take.whole) == (32_000, 0, True)
        assert take.trigger is not None
        assert take.trigger.label == "high"
        assert take.trigger.time_samples - take.at == RATE_HZ
        # The tone begins at about the second that was asked for: the detector dates its onsets.
        loud = np.abs(take.pieces[0].pcm.astype(int)) > 1500
        assert abs(int(np.argmax(loud)) / RATE_HZ - 1) < 0.35
        assert snr_db(pcm, take) > 20
        assert abs((take.at + RATE_HZ) / RATE_HZ - onset) < 0.35


def test_a_trigger_that_never_comes_ends_with_its_time() -> None:
    with Device(fast(noise(30, 10), speed=4)) as device:
        begin = time.monotonic()
        assert list(triggered(device, "high", 1, 0.5, timeout_s=1.0)) == []
        assert time.monotonic() - begin < PATIENCE_S


@pytest.mark.parametrize("waiting", ["record", "triggered"])
def test_ctrl_c_stops_the_board_as_well(waiting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Device(fast(noise(60), speed=4)) as device:

        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        if waiting == "record":
            with pytest.raises(TakeInterrupted) as caught:
                record(device, 30, progress=interrupt)
            take = caught.value.take
            assert (take.whole, take.interrupted, take.lost) == (False, True, 0)
            assert take.captured == take.samples > 0
        else:
            monkeypatch.setattr(Joiner, "forget", interrupt)
            with pytest.raises(KeyboardInterrupt):
                next(triggered(device, "high", 1, 0.5, timeout_s=PATIENCE_S))
        lines = [m for m in device.messages(timeout_s=1.0) if isinstance(m, Audio)]
        assert len(lines) < 40


def test_ctrl_c_while_a_triggered_take_is_written_stops_the_board_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    replace = os.replace

    def interrupt(source: Any, target: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        replace(source, target)

    (tmp_path / "ports").mkdir()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    with VirtualPorts(tmp_path / "ports") as ports:
        port = ports.add(lambda: board(np.tile(beeps(10), 20), speed=4))
        words = ["record", "-p", port.path, "--label", "a", "--on-trigger", "high", "--seconds", "2", "--count", "5"]
        try:
            with monkeypatch.context() as patched:
                patched.setattr(os, "replace", interrupt)
                assert cli.run([*words, "-o", str(tmp_path / "out")], ports) == 130
        finally:
            signal.signal(signal.SIGINT, before)
        assert len(capfd.readouterr().out.splitlines()) == 1, "the take that was being written is there"
        with Device.open(port.path, system=ports) as device:
            lines = [m for m in itertools.islice(device.messages(timeout_s=1.0), 200) if isinstance(m, Audio)]
    assert len(lines) < 40


def test_joining_takes_nothing_twice_and_cutting_finds_the_gap() -> None:
    joined = Joiner()
    for at, n in [(100, 50), (150, 10), (150, 10), (120, 10), (200, 30)]:
        joined.add(at, np.arange(at, at + n, dtype=np.int16))
    pieces = joined.pieces()
    assert [(p.at, p.end) for p in pieces] == [(100, 160), (200, 230)]
    assert all((p.pcm == np.arange(p.at, p.end)).all() for p in pieces)
    assert [(p.at, p.end) for p in cut(pieces, 110, 100)] == [(110, 160), (200, 210)]
    assert Take(90, 150, 16000, pieces).gaps == [(0, 10), (70, 40), (140, 10)]
    joined.forget(155)
    assert [(p.at, p.end) for p in joined.pieces()] == [(150, 160), (200, 230)]
    joined.forget(1000)
    assert joined.pieces() == []


@pytest.mark.parametrize(
    ("codec", "data"),
    [("adpcm", b""), ("adpcm", b"\x14\xff\xff"), ("adpcm", bytes(100)), ("pcm", b"123"), ("opus", b"12")],
)
def test_sound_that_cannot_be_decoded_is_a_protocol_error(codec: str, data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(Audio(0, 0, codec, data))


def test_the_command_fills_a_dataset_that_training_reads(
    tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soundsdk.device.session.open_transport", lambda where, system: fast(noise(300)))
    dataset = tmp_path / "data"
    for label in ("door bell", "rain"):
        assert cli.run(["record", "--label", label, "--seconds", "1", "--count", "2", "-o", str(dataset)]) == 0
    out, err = capfd.readouterr()
    paths = [Path(line) for line in out.splitlines()]
    assert len(paths) == 4
    assert err.count("16000 samples captured, 0 lost") == 4
    for path in paths:
        pcm, rate_hz = soundfile.read(path, dtype="int16")
        assert (rate_hz, pcm.shape) == (16000, (16000,))
        facts = json.loads(path.with_suffix(".json").read_text())
        assert facts["label"] == path.parent.name
        assert (facts["board"], facts["model"], facts["source"], facts["bits"]) == ("sim", "tones", "board", 4)
        assert (facts["captured"], facts["lost"], facts["gaps"]) == (16000, 0, [])
        assert facts["rms_dbfs"] == pytest.approx(20 * np.log10(2000 / 32768) + 3, abs=0.5)
        assert facts["files"] == [{"file": path.name, "at": 0, "samples": 16000}]
    datasets = pytest.importorskip("soundsdk_train.datasets")
    found = datasets.scan(dataset)
    assert sorted(r.path for r in found.recordings) == sorted(paths)
    assert len({r.source for r in found.recordings}) == 4


def test_a_reader_of_the_names_that_has_gone_does_not_end_the_recording(tmp_path: Path) -> None:
    """Record every file that was asked for: `soundsdk record … | head -1` reads names only."""
    line = "record -p sim:rpi_pico --label rain --seconds 1 --count 3"
    words = [sys.executable, "-m", "soundsdk", *line.split(), "-o", str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(timeout=120) == 0
    assert err.count("16000 samples captured, 0 lost") == 3
    assert len(list(tmp_path.glob("rain/*.wav"))) == 3


def test_a_recording_with_gaps_is_divided_and_counts_as_one(tmp_path: Path) -> None:
    pieces = [Piece(100, noise(1)), Piece(100 + 20_000, noise(0.1)), Piece(100 + 40_000, noise(0.5))]
    sidecar, *files = write(tmp_path, "rain", Take(100, 48_000, 16000, pieces, lost_board=4_000), {"board": "x"})
    assert [f.relative_to(tmp_path / "rain").parts[1] for f in files] == ["00.wav", "01.wav"]
    facts = json.loads(sidecar.read_text())
    assert facts["gaps"] == [{"at": 16_000, "samples": 4_000}, {"at": 21_600, "samples": 18_400}]
    assert facts["not_written"] == [{"at": 20_000, "samples": 1_600}]
    assert [f["at"] for f in facts["files"]] == [0, 40_000]
    assert (facts["captured"], facts["lost"], facts["lost_board"]) == (25_600, 22_400, 4_000)
    datasets = pytest.importorskip("soundsdk_train.datasets")
    found = datasets.scan(tmp_path)
    assert len(found.recordings) == 2
    assert len({r.source for r in found.recordings}) == 1


def test_names_do_not_collide_and_labels_must_be_names(tmp_path: Path) -> None:
    take = Take(0, 16_000, 16000, [Piece(0, noise(1))])
    first = write(tmp_path, "a", take, {}, moment=1e9)
    second = write(tmp_path, "a", take, {}, moment=1e9)
    assert first != second
    assert len(list((tmp_path / "a").glob("*.wav"))) == 2
    for label in ("", "a/b", "..", ".x", " a", "x" * 65):
        with pytest.raises(UsageError):
            write(tmp_path, label, take, {})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--pc", "-p", "auto"], "--pc excludes"),
        (["--pc", "--on-trigger", "x"], "--pc excludes"),
        (["--on-trigger", "x", "--pre-roll", "1"], "must be shorter"),
        (["--label", "a/b"], "cannot be a label"),
        (["--label", "a\nb"], "cannot be a label"),
        (["--label", "a\x1b[31m"], "cannot be a label"),
        (["--label", "\udcff"], "cannot be a label"),
        (["--label", "é" * 33], "has 66 bytes in UTF-8, and a board takes labels of 64"),
    ],
)
def test_wrong_calls_are_refused_before_a_board_is_opened(
    tmp_path: Path, capfd: Any, words: list[str], says: str
) -> None:
    assert cli.run(["record", "--label", "a", "--seconds", "1", "-o", str(tmp_path), *words]) == 2
    assert says in capfd.readouterr().err


# ---- this computer's microphone


def test_this_computers_microphone_records_and_tells_what_it_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    ramp = np.arange(40_000).astype(np.int16)
    microphone = FakeMicrophone(ramp, block_frames=1000, lost={2: 300})
    monkeypatch.setitem(sys.modules, "sounddevice", fake_sounddevice(microphone))
    take = record_pc(2)
    assert take.captured + take.lost == 32_000
    assert take.gaps == [(2000, 300)]
    assert [len(p.pcm) for p in take.pieces] == [2000, 29_700]
    assert np.array_equal(np.concatenate([p.pcm for p in take.pieces]), ramp[:31_700])


def test_without_a_microphone_or_portaudio_the_reason_is_given(
    tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["record", "--pc", "--label", "a", "--seconds", "1", "-o", str(tmp_path)]
    monkeypatch.setitem(sys.modules, "sounddevice", fake_sounddevice())
    assert cli.run(words) == 3
    assert "this computer has no microphone." in capfd.readouterr().err
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert cli.run(words) == 7
    assert 'pip install "soundsdk[listen]"' in capfd.readouterr().err


@pytest.mark.parametrize("more", [[], ["--pc"]])
def test_a_folder_that_cannot_be_written_is_refused_before_any_recording(
    more: list[str], tmp_path: Path, capfd: Any, monkeypatch: Any
) -> None:
    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("it went on to record")

    monkeypatch.setattr("soundsdk.device.session.open_transport", asked)
    monkeypatch.setattr("soundsdk.recording.recorder.record_pc", asked)
    (tmp_path / "file").write_text("no folder")
    folder = str(tmp_path / "file" / "sounds")
    assert cli.run(["record", *more, "--label", "a", "--seconds", "1", "-o", folder]) == 1
    assert f"{folder} cannot be written: Not a directory." in capfd.readouterr().err


def test_labels_of_what_the_board_heard_lie_beside_the_sound(
    tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are what training takes as labels in time: parts of events, and backgrounds between them."""
    sound = np.concatenate([noise(2, 20), tone(1.5, HZ["high"], 8000), noise(1.5, 20)])
    monkeypatch.setattr("soundsdk.device.session.open_transport", lambda where, system: fast(np.tile(sound, 12), 4))
    words = ["record", "--label", "hall", "--seconds", "20", "--labels", "-o", str(tmp_path)]
    assert cli.run(words) == 0
    (path,) = (Path(line) for line in capfd.readouterr().out.splitlines())
    spans = parse_audacity(path.with_suffix(".txt").read_text())
    whole = [s for s in spans if s.onset_s > 0.1 and s.offset_s < 19.9]
    assert len(whole) >= 2
    assert {s.label for s in spans} == {"high"}
    pcm, _ = soundfile.read(path, dtype="int16")
    for span in whole:
        assert 1.0 < span.offset_s - span.onset_s < 2.5
        middle = pcm[int((span.onset_s + 0.5) * 16000) :][:4000]
        assert np.abs(middle.astype(int)).max() > 4000, "the tone sounds there"
    datasets = pytest.importorskip("soundsdk_train.datasets")
    assert {r.label for r in datasets.scan(tmp_path).recordings} == {"high", "background"}


def test_spans_of_a_take_are_cut_to_it() -> None:
    def edge(number: int, kind: str, at: int) -> Event:
        return Event(1, number, "high", kind, at, at / 16000, 0.9)

    edges = [edge(1, "off", 24_000), edge(2, "on", 32_000), edge(2, "off", 40_000), edge(3, "on", 60_000)]
    take = Take(16_000, 48_000, 16000, [], events=[*edges, edge(4, "on", 70_000)])
    found = [(s.onset_s, s.offset_s) for s in take.spans(take.at, take.samples)]
    assert found == [(0.0, 0.5), (1.0, 1.5), (2.75, 3.0)]


def test_ctrl_c_in_an_event_keeps_what_has_arrived_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pcm = np.round(32768 * tones(30, [(2.0, 20.0, "high")])).astype(np.int16)
    forget = Joiner.forget

    def interrupt(self: Joiner, before: int) -> None:
        forget(self, before)
        if self.end > 6 * RATE_HZ:
            raise KeyboardInterrupt

    monkeypatch.setattr(Joiner, "forget", interrupt)
    with Device(fast(pcm, speed=4)) as device, pytest.raises(TakeInterrupted) as caught:
        next(triggered(device, "high", 20, 1.0, timeout_s=PATIENCE_S))
    take = caught.value.take
    assert take.trigger is not None
    assert take.trigger.label == "high"
    assert [event.label for event in take.events] == ["high"]
    assert take.at == take.trigger.time_samples - RATE_HZ
    assert 3 * RATE_HZ < take.captured == take.samples < 20 * RATE_HZ
    assert take.interrupted
    assert take.gaps == []
