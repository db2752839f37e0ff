"""Sound files of every kind: what is read of each, and what is said of those that are none."""

from __future__ import annotations

import shutil
import stat
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

import odd_sounds
from odd_sounds import RATE, READABLE, REFUSED, tone
from soundsdk.errors import DataError
from soundsdk.recording import audio_file, sound_files
from soundsdk.recording.audio_file import SoundReader


@pytest.mark.parametrize("name", READABLE)
def test_what_can_be_read_is_read_to_its_last_sample(tmp_path: Path, name: str) -> None:
    _, seconds, tolerance = READABLE[name]
    pcm = audio_file.read(odd_sounds.write(tmp_path, name))
    assert pcm.dtype == np.int16
    assert abs(len(pcm) / RATE - seconds) <= tolerance + 1 / RATE
    if seconds > 0.5 and not name.startswith(("digital", "quiet")):
        spectrum = np.abs(np.fft.rfft(pcm[: RATE // 2] - pcm[: RATE // 2].mean()))
        assert abs(2 * int(spectrum.argmax()) - 1000) <= 2, "the tone is there"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_is_said_in_one_sentence(tmp_path: Path, name: str) -> None:
    path = odd_sounds.write(tmp_path, name)
    with pytest.raises(DataError, match=REFUSED[name][1]) as caught:
        audio_file.read(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_file_is_read_in_blocks_of_which_none_is_large(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    soundfile.write(path, np.tile(tone(10, 44100), 12), 44100)
    reader = SoundReader(path)
    lengths = [len(block) for block in reader.blocks()]
    assert max(lengths) < 2 * RATE
    assert sum(lengths) == 120 * RATE
    assert (reader.facts.rate_hz, reader.facts.channels, reader.facts.seconds) == (44100, 1, 120.0)


@pytest.mark.parametrize("rate", [7999, 8000, 11025, 22050, 44100, 48000, 96000])
def test_blocks_are_the_file_converted_as_a_whole(tmp_path: Path, rate: int) -> None:
    import soxr

    path = tmp_path / "x.wav"
    sound = np.tile(tone(5, rate), 3)
    soundfile.write(path, sound, rate, subtype="FLOAT")
    assert np.array_equal(audio_file.read(path), audio_file.to_int16(soxr.resample(sound, rate, RATE)))


def test_facts_say_what_is_clipped_and_how_loud_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, np.clip(10 * tone(), -1, 1), RATE)
    reader = SoundReader(path)
    for _ in reader.blocks():
        pass
    assert reader.facts.clipped > RATE
    assert reader.facts.peak == pytest.approx(1.0, abs=1e-4)
    assert reader.facts.sounding
    silent = SoundReader(odd_sounds.write(tmp_path, "digital_silence.wav"))
    for _ in silent.blocks():
        pass
    assert (silent.facts.sounding, silent.facts.clipped) == (False, 0)


# ---- what only ffmpeg decodes

M4A = b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0" + b"\0" * 64
ADTS = b"\xff\xf1\x50\x80\x02\x1f\xfc" + b"\0" * 64
FAKE = """#!{python}
import struct, sys
assert sys.argv[sys.argv.index("-i") + 1].startswith("file:/"), sys.argv
if {broken}:
    sys.exit(1)
count = 44100
out = struct.pack(">4sIIIII", b".snd", 32, 0xFFFFFFFF, 6, 44100, 2) + b"Lavf\\0\\0\\0\\0"
out += struct.pack(">2f", 0.25, 0.25) * count
sys.stdout.buffer.write(out)
sys.exit({code})
"""


def fake_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch, broken: bool = False, code: int = 0) -> None:
    """Put a program named ffmpeg on the path, which gives a second of sound at 44.1 kHz, whatever it is given."""
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(FAKE.format(python=sys.executable, broken=broken, code=code))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(("name", "content"), [("-memo.m4a", M4A), ("voice.aac", ADTS), ("radio.wav", ADTS)])
def test_m4a_and_aac_are_decoded_by_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    fake_ffmpeg(tmp_path / "bin", monkeypatch)
    monkeypatch.chdir(tmp_path)
    pcm = audio_file.read(name)
    assert len(pcm) == RATE
    assert abs(int(pcm[RATE // 2]) - 8192) < 20


def test_without_ffmpeg_the_file_and_the_remedy_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "memo.m4a").write_bytes(M4A)
    with pytest.raises(DataError, match=r"memo\.m4a is sound that only ffmpeg decodes") as caught:
        audio_file.read(tmp_path / "memo.m4a")
    assert "install ffmpeg" in caught.value.hint
    assert caught.value.exit_code == 7


@pytest.mark.parametrize(("broken", "code", "said"), [(True, 1, "finds no sound"), (False, 69, "code 69")])
def test_what_ffmpeg_cannot_decode_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool, code: int, said: str
) -> None:
    (tmp_path / "memo.m4a").write_bytes(M4A)
    fake_ffmpeg(tmp_path / "bin", monkeypatch, broken, code)
    with pytest.raises(DataError, match=said):
        audio_file.read(tmp_path / "memo.m4a")


def test_a_reader_that_is_left_early_ends_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memo.m4a").write_bytes(M4A)
    fake_ffmpeg(tmp_path / "bin", monkeypatch)
    blocks = SoundReader(tmp_path / "memo.m4a").blocks()
    next(blocks)
    worker = threading.Thread(target=blocks.close)
    worker.start()
    worker.join(10)
    assert not worker.is_alive()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_the_real_ffmpeg_decodes_m4a(tmp_path: Path) -> None:
    import subprocess

    wav = odd_sounds.write(tmp_path, "s24.wav")
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(wav), str(tmp_path / "x.m4a")], check=True, timeout=60)
    assert abs(len(audio_file.read(tmp_path / "x.m4a")) / RATE - 3) < 0.2


# ---- what lies in a folder


def test_files_are_found_by_content_and_what_systems_leave_is_not(tmp_path: Path) -> None:
    names = ("a.WAV", "b.Wave", "c.dat", "d", "sub/e.mp3", "sub/.hidden.wav", "sub/._e.mp3", "__MACOSX/sub/._a.wav")
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(odd_sounds.wav(odd_sounds.pcm16(0.1)))
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "sub/README.md", "sub/list.csv", "film.avi"):
        (tmp_path / name).write_bytes(b"RIFF\0\0\0\0AVI LIST" if name == "film.avi" else b"x")
    (tmp_path / "more.zip").write_bytes(b"PK\3\4")
    (tmp_path / "old.pcm").write_bytes(b"\0" * 100)
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    listing = sound_files.list_sounds(tmp_path)
    assert [p.relative_to(tmp_path).as_posix() for p in listing.files] == ["a.WAV", "b.Wave", "c.dat", "d", "sub/e.mp3"]
    assert listing.leftovers == 6
    reasons = {path.name: reason for path, reason in listing.passed_over}
    assert set(reasons) == {"more.zip", "old.pcm", "gone.wav"}
    assert "unpack" in reasons["more.zip"]


def test_a_link_to_a_folder_is_followed_once_and_a_loop_ends(tmp_path: Path) -> None:
    (tmp_path / "data" / "bell").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for path in ("data/bell/a.wav", "elsewhere/b.wav"):
        (tmp_path / path).write_bytes(odd_sounds.wav(odd_sounds.pcm16(0.1)))
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "siren").symlink_to(tmp_path / "elsewhere")
    found = sound_files.list_sounds(tmp_path / "data").files
    assert [p.relative_to(tmp_path / "data").as_posix() for p in found] == ["bell/a.wav", "siren/b.wav"]


def test_a_folder_without_sound_names_the_usual_formats(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to hear")
    with pytest.raises(DataError, match="no WAV, FLAC"):
        audio_file.find(tmp_path)
