"""soundsdk mic-test names each fault of a microphone, and none where there is none."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_recording import fast

from sim.tiny_model import tones
from soundsdk import cli
from soundsdk.device.port_info import PortInfo
from soundsdk.recording.mic_faults import examine, find_hum
from soundsdk_sim.faults import Faulty
from virtual_boards.computer import VirtualComputer

RATE_HZ = 16000
SECONDS = 4


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def to_int16(x: NDArray[np.floating]) -> NDArray[np.int16]:
    return np.clip(np.rint(x), -32768, 32767).astype(np.int16)


def room(level: float = 300.0) -> NDArray[np.floating]:
    """Noise of a room, stronger towards low pitch, and someone's voice in bursts."""
    n = SECONDS * RATE_HZ
    t = np.arange(n) / RATE_HZ
    spectrum = np.fft.rfft(rng().normal(0, 1, n))
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 40))
    noise = np.fft.irfft(spectrum, n)
    voice = sum(np.sin(2 * np.pi * 137 * k * t + k + 3 * np.sin(2 * np.pi * 2.3 * t)) / k for k in range(1, 20))
    burst = np.clip(np.sin(2 * np.pi * 1.7 * t), 0, None)
    return level * (noise / noise.std() + 6 * voice * burst)


T = np.arange(SECONDS * RATE_HZ) / RATE_HZ


def names(pcm: NDArray[np.int16]) -> list[str]:
    return [fault.name for fault in examine(pcm, RATE_HZ)]


HUM = sum(np.sin(2 * np.pi * 50 * k * T + k) / k for k in range(1, 8))
HUM60 = sum(np.sin(2 * np.pi * 60.02 * k * T + k) / k for k in range(1, 8))
STEREO = np.stack([room()[::2], np.zeros(len(T) // 2)], axis=1).ravel()

FAULTY = {
    "silent": ("silent", to_int16(np.zeros(len(T)))),
    "ones": ("ones", to_int16(np.full(len(T), -1.0))),
    "constant": ("constant", to_int16(np.full(len(T), 77.0))),
    "other channel": ("channel", to_int16(STEREO)),
    "other channel floats": ("channel", to_int16(STEREO + (np.arange(len(T)) % 2) * rng().normal(0, 3, len(T)))),
    "bytes swapped": ("bytes", to_int16(room()).byteswap()),
    "shifted too far": ("shift", (to_int16(room(600)).astype(np.int32) << 4).astype(np.int16)),
    "low bits empty": ("shift", (to_int16(room(4)).astype(np.int32) << 4).astype(np.int16)),
    "clipped": ("clipping", to_int16(room(6000))),
    "clipped below full scale": ("clipping", np.clip(to_int16(room(1500)), -8000, 8000).astype(np.int16)),
    "offset": ("dc", to_int16(room(100) + 4000)),
    "negative offset of a quiet microphone": ("dc", to_int16(rng().normal(-500, 20, len(T)))),
    "hum 50 Hz": ("hum", to_int16(room(60) + 900 * HUM)),
    "hum 60 Hz": ("hum", to_int16(rng().normal(0, 30, len(T)) + 300 * HUM60)),
    "too quiet": ("quiet", to_int16(rng().normal(0, 1.5, len(T)))),
}


@pytest.mark.parametrize("case", FAULTY)
def test_a_fault_is_named(case: str) -> None:
    name, pcm = FAULTY[case]
    found = examine(pcm, RATE_HZ)
    assert found[0].name == name
    assert found[0].sentence
    assert found[0].hint


SOUND = {
    "a room with a voice": to_int16(room()),
    "a quiet room with a voice": to_int16(room(20)),
    "a loud room": to_int16(room(1200)),
    "white noise": to_int16(rng().normal(0, 3000, len(T))),
    "loud white noise, just not clipped": to_int16(rng().uniform(-32000, 32000, len(T))),
    "a tone": to_int16(20000 * np.sin(2 * np.pi * 440 * T) + rng().normal(0, 10, len(T))),
    "a high tone at full scale": to_int16(32000 * np.sin(2 * np.pi * 7001 * T)),
    "half the rate, every sample differs": to_int16(32000 * np.sin(2 * np.pi * 3999 * T)),
    "a bass tone near 50 Hz": to_int16(8000 * np.sin(2 * np.pi * 55 * T) + room(200)),
    "a note with harmonics": to_int16(
        sum(3000 / k * np.sin(2 * np.pi * 196 * k * T) for k in range(1, 9)) + rng().normal(0, 20, len(T))
    ),
    "a little hum in a room": to_int16(room(300) + 40 * HUM),
    "a small offset": to_int16(room(300) + 60),
    "tones that come and go": np.round(32768 * tones(SECONDS, [(1, 2, "high"), (3, 3.5, "low")])).astype(np.int16),
}


@pytest.mark.parametrize("case", SOUND)
def test_sound_without_a_fault_is_not_blamed(case: str) -> None:
    assert names(SOUND[case]) == []


@pytest.mark.parametrize("case", ["hum 50 Hz", "hum 60 Hz", *SOUND])
def test_hum_is_found_in_decoded_sound_too(case: str) -> None:
    """Decoded sound comes from links that are too slow for the samples themselves."""
    found = find_hum(through_codec(FAULTY[case][1] if case in FAULTY else SOUND[case]), RATE_HZ)
    assert bool(found) == (case in FAULTY)


@pytest.mark.parametrize("case", [*FAULTY, *SOUND])
def test_gaps_change_no_verdict_but_hide_hum(case: str) -> None:
    """Gaps as on a link that carries a quarter of the samples."""
    pcm = FAULTY[case][1] if case in FAULTY else SOUND[case]
    rest = np.concatenate([pcm[at : at + 336] for at in range(0, len(pcm), 4 * 336)])
    wanted = [FAULTY[case][0]] if case in FAULTY and not case.startswith("hum") else []
    assert names(rest)[:1] == wanted


def through_codec(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    import soundcore

    out = []
    for at in range(0, len(pcm), 1024):
        piece = bytearray(800)
        size = soundcore.adpcm_encode(pcm[at : at + 1024].data, piece, 3)
        back = np.zeros(len(pcm[at : at + 1024]), np.int16)
        soundcore.adpcm_decode(bytes(piece[:size]), back.data)
        out.append(back)
    return np.concatenate(out)


@pytest.mark.parametrize(
    ("case", "code"), [("silent", 6), ("offset", 6), ("low bits empty", 6), ("a room with a voice", 0)]
)
def test_the_command_ends_with_6_on_a_fault(case: str, code: int, capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pcm = FAULTY[case][1] if case in FAULTY else SOUND[case]
    monkeypatch.setattr("soundsdk.device.session.open_transport", lambda where, system: fast(np.tile(pcm, 8), speed=6))
    assert cli.run(["mic-test", "--json"]) == code
    out, err = capfd.readouterr()
    found, *failed = map(json.loads, out.splitlines())
    assert [fault["name"] for fault in found["faults"]][:1] == ([FAULTY[case][0]] if code else [])
    assert [line["error"]["exit_code"] for line in failed] == ([code] if code else [])
    assert ("has a fault" in err) == bool(code)
    assert found["samples"] == 64_000


def test_a_slow_link_finds_hum_in_a_second_recording(capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pcm = np.tile(FAULTY["hum 50 Hz"][1], 8)
    link = Faulty(fast(pcm, speed=6), noise=Slow())
    monkeypatch.setattr("soundsdk.device.session.open_transport", lambda where, system: link)
    assert cli.run(["mic-test", "--json"], VirtualComputer(ports=[PortInfo("link", "bridge")])) == 6
    found, failed = map(json.loads, capfd.readouterr().out.splitlines())
    assert found["lost"] > 0
    assert [fault["name"] for fault in found["faults"]] == ["hum"]
    assert failed["error"]["cause"] == "check"


class Slow:
    """A filter that loses two of three lines with the samples themselves."""

    def __init__(self) -> None:
        self._count = 0

    def apply(self, data: bytes) -> bytes:
        out = b""
        for line in data.splitlines(keepends=True):
            self._count += b'"codec":"pcm"' in line
            if b'"codec":"pcm"' not in line or self._count % 3 == 0:
                out += line
        return out


def test_the_command_speaks_plainly(capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundsdk.device.session.open_transport", lambda where, system: fast(np.zeros(16, np.int16)))
    assert cli.run(["mic-test"]) == 6
    out, err = capfd.readouterr()
    assert "silent: every sample is 0" in out
    assert "speak or clap" in err
