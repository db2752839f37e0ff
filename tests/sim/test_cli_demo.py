"""`soundsdk demo`: a scene, its events against the truth, a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from PIL import Image
from tiny_model import build, metadata

from soundsdk.cli import run


@pytest.fixture
def alarm_model(tmp_path: Path) -> Path:
    """Return the tone detector, with its upper tone named as in a scene."""
    meta = metadata(labels=["smoke_alarm", "hum[b]"])
    meta["detector"]["classes"] = [{"on": 150, "off": 100, "min_ms": 256, "hold_ms": 2000}] * 2
    path = tmp_path / "alarm.tflite"
    path.write_bytes(build(meta))
    return path


def test_demo_shows_found_events_and_writes_picture_and_sound(
    alarm_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    out_dir = tmp_path / "out"
    assert run(["demo", "--model", str(alarm_model), "-o", str(out_dir)]) == 0
    out, err = capfd.readouterr()
    row = next(line for line in out.splitlines() if "smoke_alarm" in line)
    assert "found" in row
    assert "1 of 1 events found" in out
    assert "no class for: siren" in err
    assert sorted(p.name for p in out_dir.iterdir()) == ["demo.png", "demo.wav"]
    info = soundfile.info(out_dir / "demo.wav")
    assert (info.samplerate, info.channels, info.duration) == (16000, 1, 40.0)
    assert Image.open(out_dir / "demo.png").format == "PNG"


def test_demo_is_the_same_each_time(alarm_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    seen = []
    for name in ("a", "b"):
        assert run(["demo", "--model", str(alarm_model), "-o", str(tmp_path / name)]) == 0
        seen.append((capfd.readouterr().out, *((tmp_path / name / f).read_bytes() for f in ("demo.wav", "demo.png"))))
    assert seen[0] == seen[1]


def test_demo_refuses_a_folder_it_cannot_make(
    alarm_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    assert run(["demo", "--model", str(alarm_model), "-o", str(tmp_path / "file" / "out")]) == 1
    assert "cannot be written" in capfd.readouterr().err


def test_demo_refuses_a_model_of_another_rate(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    meta = metadata()
    meta["frontend"].update(rate_hz=8000, high_hz=3800, hop=128, window=256, fft=256)
    path = tmp_path / "slow.tflite"
    path.write_bytes(build(meta))
    assert run(["demo", "--model", str(path), "-o", str(tmp_path / "out")]) == 1
    assert "8000 Hz" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
