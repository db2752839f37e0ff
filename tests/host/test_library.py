"""`import soundsdk`: what help() shows is there, works as its examples say, and costs nothing before it is used."""

from __future__ import annotations

import ast
import asyncio
import pydoc
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tone_boards import MODEL, RATE_HZ, beeps, board

import soundsdk
from sim.tiny_model import build, metadata
from soundsdk import cli
from soundsdk.device.session import Device
from soundsdk.labels import format_tsv
from soundsdk_sim.live import LiveBoard

HOME = "soundsdk.models.detection"


class Bench:
    """A transport to a board that may restart; the last of LiveBoard's ways is all that it needs."""

    serial_number = None
    path = "bench"

    def __init__(self, live: LiveBoard) -> None:
        self._live = live
        self.read, self.write, self.close = live.read, live.write, live.stop

    def reopen(self) -> Bench:
        raise AssertionError("the port of a virtual board stays")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with a detector, another one, and a recording."""
    (tmp_path / "tones.tflite").write_bytes(MODEL)
    (tmp_path / "my_detector.tflite").write_bytes(build(metadata(name="mine")))
    soundfile.write(tmp_path / "clip.wav", beeps(3), RATE_HZ)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown() -> str:
    return pydoc.plain(pydoc.render_doc(soundsdk))


def test_help_shows_every_public_name_with_what_it_is_for() -> None:
    text = shown()
    for name in set(soundsdk.__all__) - {"__version__"}:
        assert re.search(rf"\b{name}\b", text), name
        one = getattr(soundsdk, name)
        assert (one.__doc__ or "").strip(), name
    for example in (
        "for found in soundsdk.discover():", 'soundsdk.detect("clip.wav"', "take = device.record(5)",
        'device.push("my_detector.tflite")', 'Device.open("auto")',
    ):  # fmt: skip
        assert text.count(example) >= 2 or example.startswith("Device"), example
    with pytest.raises(AttributeError, match="no attribute 'no_such'"):
        _ = soundsdk.no_such  # type: ignore[attr-defined]


def test_the_names_of_a_type_checker_are_those_of_the_import() -> None:
    tree = ast.parse(Path(soundsdk.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in ast.walk(guarded) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(soundsdk.__all__) - {"__version__"}
    assert set(soundsdk.__all__) <= set(dir(soundsdk))


def test_importing_it_and_a_device_loads_nothing_that_is_not_used() -> None:
    code = (
        "import sys, soundsdk; before = {*sys.modules}; soundsdk.Device; soundsdk.detect; soundsdk.discover;"
        "print(*before, 'AFTER', *sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    before, _, after = out.partition("AFTER")
    assert not [name for name in before.split() if name.startswith(("soundsdk.", "soundfw"))]
    heavy = {"numpy", "soundcore", "soundfile", "soxr", "serial", "click", "rich", "soundsdk_sim", "soundsdk_train"}
    assert not heavy & set(after.split())


def test_the_example_of_the_package_runs_as_it_is_shown(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A virtual board stands for the only one there is, and its events have an end."""
    doc = soundsdk.__doc__ or ""
    code = textwrap.dedent("\n".join(line for line in doc.splitlines() if line.startswith("    ") or not line))
    where = f"sim:sim,file={files / 'clip.wav'},model={files / 'tones.tflite'}"
    for shown_as, here in (
        ('Device.open("auto")', f'Device.open("{where}")'),
        ("Device.open()", f'Device.open("{where}")'),
        ("device.events()", "device.events(5)"),
        ("device.record(5)", "device.record(1)"),
        ('detect("clip.wav")', 'detect("clip.wav", "tones.tflite")'),
    ):
        assert shown_as in code
        code = code.replace(shown_as, here)
    exec(code)
    lines = capsys.readouterr().out.splitlines()
    assert "high on 0.144" in lines
    assert "high 0.144 0.656" in lines


def test_detect_finds_what_sim_prints(files: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sim", "clip.wav", "-m", "tones.tflite", "--format", "tsv"]) == 0
    expected = capfd.readouterr().out.splitlines()[1:]
    found = soundsdk.detect("clip.wav", "tones.tflite")
    assert format_tsv("clip.wav", found) == expected
    assert len(found) == 3
    assert all(isinstance(one, soundsdk.LabelledSpan) and 0.6 <= (one.score or 0) <= 1 for one in found)
    assert soundsdk.detect(files / "clip.wav", files / "tones.tflite") == found


def test_what_detect_cannot_use_is_an_error_with_a_hint(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(soundsdk.DataError, match="there is no file") as refused:
        soundsdk.detect("none.wav", "tones.tflite")
    assert refused.value.hint
    with pytest.raises(soundsdk.ModelError):
        soundsdk.detect("clip.wav", "clip.wav")
    monkeypatch.setattr(f"{HOME}.entry_points", lambda **_: ())
    with pytest.raises(soundsdk.ToolError, match="no installed package simulates a board"):
        soundsdk.detect("clip.wav", "tones.tflite")


def test_a_device_records_what_its_board_hears() -> None:
    sound = beeps(4)
    steps: list[tuple[int, int]] = []
    with Device(Bench(board(sound, speed=10, block_samples=2048))) as device:
        take = device.record(1, bits=16, progress=lambda done, whole: steps.append((done, whole)))
        for seconds in (0, 3601):
            with pytest.raises(soundsdk.UsageError, match="1 to 3600 seconds"):
                device.record(seconds)
    assert isinstance(take, soundsdk.Take)
    assert take.captured + take.lost == RATE_HZ
    assert steps[-1] == (RATE_HZ, RATE_HZ)
    (piece,) = take.pieces
    padded = np.concatenate([sound, np.zeros(RATE_HZ * 100, np.int16)])
    assert np.array_equal(piece.pcm, padded[piece.at : piece.end])


def test_a_device_takes_another_detector_by_its_path(files: Path) -> None:
    steps: list[str] = []
    with Device(Bench(board(speed=10, block_samples=2048))) as device:
        assert device.hello.model == "tones"
        pushed = device.push("my_detector.tflite", progress=lambda step, done, whole: steps.append(step))
        assert (pushed.hello.model, device.hello.model) == ("mine", "mine")
        assert device.push(files / "my_detector.tflite").sent_bytes == 0  # it runs already
        with pytest.raises(soundsdk.ModelError):
            device.push("clip.wav")
    assert [step for n, step in enumerate(steps) if step not in steps[:n]] == [
        "sending", "checking", "restarting", "confirming",
    ]  # fmt: skip


def test_the_same_is_awaited_in_asyncio(files: Path) -> None:
    async def main() -> tuple[soundsdk.Take, str]:
        bench = Bench(board(beeps(4), speed=10, block_samples=2048))
        async with await soundsdk.AsyncDevice.open(bench) as device:
            take = await device.record(1)
            pushed = await device.push("my_detector.tflite")
        return take, pushed.hello.model

    take, model = asyncio.run(main())
    assert take.captured + take.lost == RATE_HZ
    assert model == "mine"
