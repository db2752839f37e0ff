"""`soundsdk sim --on rp2040`: the UF2 boots into the detector and hears the recording through its I2S microphone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from target_needs import need_target

from soundfw.wire import framing
from soundsdk.cli import run as cli
from soundsdk.models.shipped import load_model
from soundsdk_sim.board import events_of
from soundsdk_sim.scenes import make_scene
from soundsdk_sim.targets import images
from soundsdk_sim.targets.runner import run_on_target


def found(lines: list[bytes]) -> list[dict]:
    """Return the event lines without `seq`: the lines between them are the board's own."""
    messages = [framing.decode(line) for line in lines]
    assert None not in messages
    return [{k: v for k, v in m.items() if k != "seq"} for m in messages if m and m["type"] == "event"]


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    """Return five seconds of a scene, in which a siren begins and does not end."""
    return make_scene(1, 60.0).pcm[2 * 16000 : 7 * 16000]


def event(number: int, edge: str, t: int) -> bytes:
    score = {"score": 0.5} if edge == "on" else {"peak": 0.75}
    return framing.encode({"type": "event", "seq": 0, "id": number, "label": "x", "edge": edge, "t": t, **score})


def test_in_a_table_events_end_with_the_recording() -> None:
    lines = [event(1, "on", 0), event(1, "off", 16000), event(2, "on", 32000), event(3, "on", 40000), b"damage"]
    lines += [event(2, "off", 90000), event(4, "on", 81000), event(4, "off", 82000)]
    got = events_of(lines, 16000, 80000 / 16000)
    assert [(e.onset_s, e.offset_s, e.score) for e in got] == [(0, 1, 0.75), (2, 5, 0.75), (2.5, 5, 0.5)]


def test_the_events_are_those_of_the_same_sound_and_silence_after_it(
    clip: np.ndarray, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    need_target("rp2040")
    images.cached_image("rpi_pico", load_model())
    soundfile.write(tmp_path / "clip.wav", clip, 16000, subtype="PCM_16")
    capfd.readouterr()
    assert cli(["sim", "--on", "rp2040", str(tmp_path / "clip.wav")]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    lines = out.encode().splitlines()
    expected = found(run_on_target("cpython", load_model(), np.append(clip, np.zeros(20 * 16000, np.int16))).lines)
    assert [e["edge"] for e in expected] == ["on", "off"]
    assert found(lines) == expected
    first, last = framing.decode(lines[0]), framing.decode(lines[-1])
    assert first is not None
    assert last is not None
    assert (first["type"], first["board"], first["seq"]) == ("hello", "rpi_pico", 0)
    assert (last["type"], last["lost"], last["dropped"], last["damaged"]) == ("status", 0, 0, 0)
    assert last["captured"] > len(clip)
