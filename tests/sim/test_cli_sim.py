"""`soundsdk sim` from the outside: its output and its errors."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from PIL import Image
from tiny_model import BURSTS, build, metadata, tones

from soundfw.wire import framing
from soundsdk.cli import run
from soundsdk.device import protocol
from waiting import PATIENCE_S

Result = tuple[int, str, str]


@pytest.fixture
def sim(model_file: Path, capfd: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def call(*words: object, model: object = model_file) -> Result:
        args = ["sim", *map(str, words), *(["--model", str(model)] if model else [])]
        code = run(args)
        out, err = capfd.readouterr()
        return code, out, err

    return call


def events(text: str) -> list[tuple[float, str, str]]:
    messages = [framing.decode(line.encode()) for line in text.splitlines()]
    assert None not in messages
    return [(m["t"] / 16000, m["edge"], m["label"]) for m in messages if m and m["type"] == "event"]


def truth() -> list[tuple[float, str, str]]:
    return [(t, edge, label) for on, off, label in BURSTS for t, edge in ((on, "on"), (off, "off"))]


def check_found(text: str) -> None:
    got = events(text)
    assert [e[1:] for e in got] == [e[1:] for e in truth()]
    assert max(abs(a[0] - b[0]) for a, b in zip(got, truth(), strict=True)) < 0.35


def test_every_line_printed_is_a_valid_line_of_the_wire_and_the_events_are_true(sim, wav: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = sim(wav)
    assert (code, err) == (0, "")
    assert "" not in out.splitlines()
    reader = protocol.Reader()
    messages = reader.feed(out.encode())
    assert [m["seq"] for m in messages] == list(range(len(messages)))
    assert messages[0]["type"] == "hello"
    assert messages[0]["board"] == "sim"
    check_found(out)


def test_the_same_recording_gives_the_same_bytes(sim, wav: Path) -> None:  # type: ignore[no-untyped-def]
    assert sim(wav) == sim(wav)


@pytest.mark.parametrize(
    ("rate", "channels", "suffix", "subtype"),
    [
        (8000, 1, "wav", "PCM_16"),
        (11025, 1, "wav", "PCM_U8"),
        (44100, 2, "flac", "PCM_24"),
        (48000, 2, "wav", "FLOAT"),
        (48000, 1, "ogg", "VORBIS"),
        (96000, 6, "wav", "PCM_16"),
    ],
)
def test_any_rate_channels_and_container(  # type: ignore[no-untyped-def]
    sim, tmp_path: Path, rate: int, channels: int, suffix: str, subtype: str
) -> None:
    path = tmp_path / f"clip.{suffix}"
    mono = tones(10, BURSTS, rate)
    soundfile.write(path, np.repeat(mono[:, None], channels, axis=1), rate, subtype=subtype)
    code, out, _ = sim(path)
    assert code == 0
    check_found(out)


def test_tsv_is_a_dcase_table_of_a_whole_folder(sim, tmp_path: Path, sound: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "b").mkdir()
    soundfile.write(tmp_path / "b" / "two.wav", sound, 16000)
    soundfile.write(tmp_path / "one.flac", sound[: 3 * 16000], 16000)
    (tmp_path / "notes.txt").write_text("not a sound")
    code, out, err = sim(tmp_path, "--format", "tsv")
    assert (code, err) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[0] == ["filename", "onset", "offset", "event_label"]
    assert [(r[0], r[3]) for r in rows[1:]] == [
        ("b/two.wav", "high"),
        ("b/two.wav", "low"),
        ("b/two.wav", "high"),
        ("one.flac", "high"),
    ]
    for row, (on, off, _) in zip(rows[1:4], BURSTS, strict=True):
        assert abs(float(row[1]) - on) < 0.35
        assert abs(float(row[2]) - off) < 0.35


def test_audacity_is_a_label_track(sim, wav: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = sim(wav, "--format", "audacity")
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert [r[2] for r in rows] == ["high", "low", "high"]
    assert all(float(r[0]) < float(r[1]) for r in rows)


def test_each_of_several_recordings_starts_a_fresh_board(sim, wav: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    once = sim(wav)[1]
    again = tmp_path / "again.wav"
    shutil.copyfile(wav, again)
    code, out, err = sim(wav, again)
    assert code == 0
    assert out == once + once
    assert err == "clip.wav\nagain.wav\n"


def test_noise_is_repeatable_and_hides_the_sound(sim, wav: Path) -> None:  # type: ignore[no-untyped-def]
    check_found(sim(wav, "--noise-db", "30")[1])
    loud = sim(wav, "--noise-db", "-40")
    assert events(loud[1]) == []
    assert loud == sim(wav, "--noise-db", "-40")


@pytest.mark.parametrize(
    ("tone_s", "says"),
    [
        (0.25, ("too low by 0.09", "a single step had 1.00", "which pooling over 300 ms levels out", "highest")),
        (0.3, ("after 128 ms, min 256 ms: too short", "fires with min_ms at 128 or less", "fell below off too early")),
    ],
)
def test_the_plot_shows_scores_thresholds_and_why_a_near_miss_was_no_event(  # type: ignore[no-untyped-def]
    sim, tmp_path: Path, tone_s: float, says: tuple[str, ...]
) -> None:
    path = tmp_path / "near.wav"
    soundfile.write(path, tones(4, [(1, 1.6, "high"), (3, 3 + tone_s, "low")]), 16000)
    plain = sim(path)[1]
    code, out, err = sim(path, "--plot", tmp_path / "near.svg")
    assert (code, out, err) == (0, plain, f"wrote {tmp_path / 'near.svg'}\n")
    picture = ElementTree.parse(tmp_path / "near.svg")
    words = " ".join((element.text or "").replace("  ", " ") for element in picture.iter())
    for text in ("near.wav · tones", "high", "low", "on 0.60", "off 0.40", "fired", "score of one step", *says):
        assert text in words, text


def test_a_near_miss_does_not_vanish_from_the_picture_of_a_long_recording(sim, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Steps are joined where they are narrower than the picture can show: the highest score of each stays."""
    path = tmp_path / "long.wav"
    near = tones(4, [(1, 1.6, "high"), (3, 3.25, "low")])
    quiet = np.resize(tones(1, []), 980 * 2048)  # whole steps, more in all than the picture has columns
    heights = {}
    for name, sound in (("long", np.concatenate([quiet, near, quiet])), ("short", near)):
        soundfile.write(path, sound, 16000)
        assert sim(path, "--plot", tmp_path / f"{name}.svg")[0] == 0
        curves = [
            [tuple(map(float, point.split(","))) for point in element.get("points", "").split()]
            for element in ElementTree.parse(tmp_path / f"{name}.svg").iter()
            if element.get("stroke-width") == "2"
        ]
        heights[name] = [round(curve[0][1] - min(y for _, y in curve)) for curve in curves]
        assert max(len(curve) for curve in curves) <= 2 * 1944
    assert len(heights["long"]) == 2
    assert heights["long"] == pytest.approx(heights["short"], abs=2)


def test_the_plot_is_a_picture_with_the_events_in_it(sim, wav: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    plain = sim(wav)[1]
    path = tmp_path / "out.png"
    code, out, _ = sim(wav, "--plot", path)
    assert (code, out) == (0, plain)
    image = Image.open(path)
    colours = {c for _, c in image.convert("RGB").getcolors(1 << 24)}
    # One bar colour per class that was heard.
    assert {(0xD1, 0x49, 0x5B), (0x00, 0x79, 0x8C)} <= colours
    assert [p.name for p in tmp_path.iterdir()] == ["out.png"]


def test_a_recording_shorter_than_a_step_has_no_events_but_a_picture(sim, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "short.wav"
    soundfile.write(path, np.full(10, 0.1), 16000)
    code, out, _ = sim(path, "--plot", tmp_path / "o.png")
    assert code == 0
    assert events(out) == []
    assert Image.open(tmp_path / "o.png").width > 1000


def test_realtime_takes_as_long_as_the_sound(sim, tmp_path: Path, sound: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "c.wav"
    soundfile.write(path, sound[: 16000 * 3 // 2], 16000)
    begin = time.monotonic()
    code, out, _ = sim(path, "--realtime")
    assert 1.4 < time.monotonic() - begin < PATIENCE_S  # the upper bound only ends a hang: cores are shared
    assert (code, out) == (0, sim(path)[1])


def test_a_recording_without_an_event_leads_to_explain(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    quiet = tmp_path / "a quiet room.wav"
    soundfile.write(quiet, np.zeros(32000, np.int16), 16000)
    assert run(["sim", str(quiet), "-m", "home"]) == 0
    assert f"soundsdk explain '{quiet}' -m home\n" in capfd.readouterr().err


def test_a_recording_with_events_does_not(sim, wav: Path) -> None:  # type: ignore[no-untyped-def]
    assert "explain" not in sim(wav)[2]


def test_the_help_of_explain_names_what_it_reads(capfd: pytest.CaptureFixture[str]) -> None:
    from soundsdk.recording.sound_files import KINDS

    assert run(["explain", "--help"]) == 0
    assert KINDS in " ".join(capfd.readouterr().out.split())


# Wrong input: one sentence on standard error, a documented exit code, nothing on standard output, nothing written.


def refused(result: Result, code: int, *words: str) -> None:
    got, out, err = result
    assert got == code
    assert out == ""
    first, *hint = err.splitlines()
    assert first.startswith("soundsdk: ")
    assert first.endswith(".")
    assert len(hint) <= 1
    for word in words:
        assert word in err


def test_missing_file(sim, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    refused(sim(tmp_path / "no.wav"), 1, "no.wav", "there is no file")


def test_text_named_wav(sim, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "text.wav"
    path.write_text("This is not sound.\n" * 100)
    refused(sim(path, "--plot", tmp_path / "o.png"), 1, "text.wav", "not sound that can be read")
    assert [p.name for p in tmp_path.iterdir()] == ["text.wav"]


def test_empty_file_and_empty_sound(sim, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "nothing.wav").write_bytes(b"")
    refused(sim(tmp_path / "nothing.wav"), 1, "nothing.wav")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    refused(sim(tmp_path / "none.wav"), 1, "none.wav", "holds no sound")


def test_sound_that_is_not_numbers(sim, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan, 0.1]), 16000, subtype="FLOAT")
    refused(sim(tmp_path / "nan.wav"), 1, "not numbers")


def test_folder_without_sound(sim, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a.txt").write_text("a")
    refused(sim(tmp_path), 1, "holds no WAV")


def test_truncated_model_plain_tflite_and_no_model(sim, wav: Path, model: bytes, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(model[: len(model) // 2])
    refused(sim(wav, model=cut), 1, "cut.tflite", "(model.")
    plain = tmp_path / "plain.tflite"
    plain.write_bytes(build(None))
    refused(sim(wav, model=plain), 1, "plain.tflite", "meta.missing")
    refused(sim(wav, model=tmp_path / "no.tflite"), 1, "no.tflite")
    refused(sim(wav, model="no-such-detector"), 2, "no-such-detector")
    text = tmp_path / "text.tflite"
    text.write_text("not a model")
    refused(sim(wav, model=text), 1, "text.tflite")


def test_model_whose_thresholds_the_firmware_refuses(sim, wav: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    bad = metadata()
    bad["detector"]["classes"][1]["off"] = 700
    path = tmp_path / "bad.tflite"
    path.write_bytes(build(bad))
    refused(sim(wav, model=path), 1, "detector.threshold")


def test_one_bad_recording_in_a_folder_is_named_and_the_rest_is_run(  # type: ignore[no-untyped-def]
    sim, tmp_path: Path, sound: np.ndarray
) -> None:
    soundfile.write(tmp_path / "good.wav", sound, 16000)
    (tmp_path / "bad.wav").write_text("bad")
    code, out, err = sim(tmp_path, "--format", "tsv")
    assert code == 1
    assert out.count("good.wav") == 3
    assert "bad.wav" in err
    assert "1 of 2 recordings" in err


@pytest.mark.parametrize(
    "words",
    [
        ["--plot", "a.png", "x.wav", "y.wav"],
        ["--pty", "x.wav", "y.wav"],
        ["--format", "audacity", "x.wav", "y.wav"],
        ["--pty", "--format", "tsv", "x.wav"],
        ["--pty", "--plot", "a.png", "x.wav"],
        ["--plot", "a.jpg", "x.wav"],
        ["--plot", "no/such/folder/a.png", "x.wav"],
        ["--format", "xml", "x.wav"],
        ["--noise-db", "loud", "x.wav"],
        ["--noise-db", "nan", "x.wav"],
        [],
    ],
)
def test_calls_that_make_no_sense_exit_with_2(sim, words: list[str]) -> None:  # type: ignore[no-untyped-def]
    code, out, err = sim(*words)
    assert (code, out) == (2, "")
    assert err


def test_noise_relative_to_silence_is_refused(sim, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    soundfile.write(tmp_path / "zero.wav", np.zeros(16000), 16000)
    refused(sim(tmp_path / "zero.wav", "--noise-db", "10"), 1, "digital silence")


def test_a_picture_that_cannot_be_written_leaves_nothing(sim, wav: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "o.png").mkdir()
    code, _, err = sim(wav, "--plot", tmp_path / "o.png")
    assert code != 0
    assert err
    assert [p.name for p in tmp_path.iterdir()] == ["o.png"]


def test_sim_loads_neither_tensorflow_nor_what_it_does_not_use(wav: Path, model_file: Path) -> None:
    script = (
        "import sys; from soundsdk.cli import run; "
        f"code = run(['sim', {str(wav)!r}, '--model', {str(model_file)!r}]); "
        "bad = {'tensorflow', 'PIL', 'rich', 'matplotlib', 'scipy', 'serial'} & set(sys.modules); "
        "sys.exit(repr(bad) if bad or code else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr


def test_every_tone_of_a_long_48_khz_stereo_flac_is_an_event(sim, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "long.flac"
    part = tones(12, [(1, 2, "high"), (4, 5, "low"), (7, 8, "high"), (10, 11, "low")], 48000)
    soundfile.write(path, np.tile(part[:, None], (10, 2)), 48000)
    code, out, _ = sim(path)
    assert code == 0
    assert len(events(out)) == 80


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says how much memory a program had")
def test_a_long_recording_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """Half an hour decoded as a whole would be 60 MB as int16, and 230 MB while it is converted."""
    minute = (300 * np.random.default_rng(0).standard_normal(60 * 22050)).astype(np.int16)
    peak_mb = []
    for minutes in (1, 30):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", 22050, 1, subtype="PCM_16") as file:
            for _ in range(minutes):
                file.write(minute)
        code = (
            "import re, sys; from soundsdk.cli import run; code = run(['sim', sys.argv[1]]);"
            "status = open('/proc/self/status').read();"
            "print(re.search(r'VmHWM:\\s*(\\d+)', status)[1], file=sys.stderr); sys.exit(code)"
        )
        words = [sys.executable, "-c", code, str(path)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) >= 6 * minutes, "a status every 10 s"
        peak_mb.append(int(done.stderr.split()[-1]) // 1024)
    assert peak_mb[1] < peak_mb[0] + 20
    assert peak_mb[1] < 200


def test_noise_is_the_same_however_the_sound_is_divided(sound: np.ndarray) -> None:
    from soundsdk_sim.noise import add_noise, add_noise_to_blocks

    pcm = (sound * 32767).astype(np.int16) if sound.dtype.kind == "f" else sound.astype(np.int16)
    blocks = np.array_split(pcm, 7)
    assert np.array_equal(np.concatenate(list(add_noise_to_blocks(lambda: blocks, 10))), add_noise(pcm, 10))


def test_the_hint_names_a_recording_that_was_heard(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"no sound")
    soundfile.write(tmp_path / "-x.wav", np.zeros(16000), 16000)
    assert run(["sim", "-m", str(model_file), "--", "a.wav", "-x.wav"]) == 1
    hint = capfd.readouterr().err.splitlines()[-3]
    assert hint.endswith(f"soundsdk explain ./-x.wav -m {model_file}")
    assert run(shlex.split(hint.partition("soundsdk ")[2])) == 0
