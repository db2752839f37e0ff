"""soundsdk listen and the address mic: hear a microphone through the firmware's code, as sim hears a recording."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import soxr

from fake_portaudio import FakeMicrophone, PortAudioError, fake_sounddevice
from soundsdk import ConnectionLost, Device, cli
from soundsdk.errors import DeviceError
from soundsdk.recording.computer_microphone import (
    QUEUE_S,
    ComputerMicrophone,
    choose_microphone,
    look_again,
    microphones,
)

RATE_HZ = 16000
PATIENCE_S = 60.0
Plug = Callable[..., SimpleNamespace]


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Return a function that connects microphones to this computer."""

    def connect(*found: FakeMicrophone) -> SimpleNamespace:
        module = fake_sounddevice(*found)
        monkeypatch.setitem(sys.modules, "sounddevice", module)
        return module

    return connect


def refuse() -> None:
    raise PortAudioError("Error querying device -1 [PaErrorCode -9987]")


def events(out: str) -> list[str]:
    return [line for line in out.splitlines() if '"type":"event"' in line]


def heard() -> tuple[np.ndarray, int]:
    """Read the microphone up to its end; return its samples, and how many were lost."""
    parts = []
    microphone = ComputerMicrophone("", RATE_HZ)
    try:
        while (block := microphone.read(PATIENCE_S)) is not None:
            parts.append(block.pcm)
    except ConnectionLost:
        pass
    microphone.close()
    return np.concatenate([np.zeros(0, np.int16), *parts]), microphone.lost


@pytest.mark.parametrize("block_frames", [160, 480, 1024, 4096])
def test_the_event_lines_are_those_of_sim(
    block_frames: int, pcm: np.ndarray, wav: Path, model_file: Path, plug: Plug, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["sim", str(wav), "-m", str(model_file)]) == 0
    expected = events(capfd.readouterr().out)
    assert len(expected) >= 6
    plug(FakeMicrophone(pcm, ends=True, block_frames=block_frames))
    assert cli.run(["listen", "--wire", "-m", str(model_file)]) == 3  # it is unplugged at the end
    out, err = capfd.readouterr()
    assert events(out) == expected
    assert "listening to Fake Microphone at 16000 Hz\n" in err
    assert "gives no sound" in err


@pytest.mark.parametrize(("rate_hz", "channels"), [(48000, 1), (44100, 2), (16000, 2), (8000, 1)])
def test_other_rates_and_channels_are_converted_as_those_of_a_file(
    rate_hz: int, channels: int, sound: np.ndarray, model_file: Path, plug: Plug, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    own = soxr.resample(sound, RATE_HZ, rate_hz)
    samples = np.round(own * np.linspace(0.9, 0.5, channels)[:, None] * 32768).astype(np.int16).T
    soundfile.write(tmp_path / "clip.wav", samples, rate_hz, subtype="PCM_16")
    assert cli.run(["sim", str(tmp_path / "clip.wav"), "-m", str(model_file)]) == 0
    expected = events(capfd.readouterr().out)
    assert len(expected) >= 6
    plug(FakeMicrophone(samples, rate_hz=rate_hz, rates_hz=(rate_hz,), channels=(channels,), ends=True))
    assert cli.run(["listen", "--wire", "-m", str(model_file)]) == 3
    out, err = capfd.readouterr()
    assert events(out) == expected
    assert f"at {rate_hz} Hz" in err
    assert (f"converted to {RATE_HZ} Hz" in err) == (rate_hz != RATE_HZ)


def test_the_monitor_shows_the_events_that_sim_finds(
    pcm: np.ndarray, wav: Path, model_file: Path, plug: Plug, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["sim", str(wav), "-m", str(model_file)]) == 0
    expected = [json.loads(line) for line in events(capfd.readouterr().out)]
    members = ("id", "label", "edge", "t")
    plug(FakeMicrophone(pcm))
    last = expected[-2]["label"]
    for words in (["listen", "-m", str(model_file)], ["monitor", "-p", f"mic:,model={model_file}"]):
        assert cli.run([*words, "--json", "--once", "--label", last]) == 0
        lines = [json.loads(line) for line in events(capfd.readouterr().out.replace('": ', '":'))]
        found = [tuple(line[name] for name in members) for line in lines]
        assert found
        assert found == [tuple(one[name] for name in members) for one in expected if one["label"] == last][: len(found)]


def test_what_the_sound_system_loses_is_counted_and_times_stay_true(
    pcm: np.ndarray, model_file: Path, plug: Plug
) -> None:
    """1.5 s are missing from silence before the last event: it begins as late as without the loss."""
    plug(FakeMicrophone(pcm, ends=True))
    whole, none = heard()
    assert none == 0
    assert np.array_equal(whole, pcm)
    plug(FakeMicrophone(pcm, lost={10: 24000, 40: 7}, ends=True))
    same, lost = heard()
    assert lost == 24007
    assert np.array_equal(same, pcm)
    plug(FakeMicrophone(pcm, lost={10: 24000}))
    with Device.open(f"mic:,model={model_file}") as device:
        late = device.read_event(PATIENCE_S)
        assert device.status().lost == 24000
    plug(FakeMicrophone(pcm))
    with Device.open(f"mic:,model={model_file}") as device:
        first = device.read_event(PATIENCE_S)
        assert device.status().lost == 0
    assert late is not None
    assert first is not None
    assert abs(late.time_samples - first.time_samples - 24000) <= 4096


def test_a_loss_of_unknown_length_is_at_least_one_sample_and_none_before_the_first(pcm: np.ndarray, plug: Plug) -> None:
    plug(FakeMicrophone(pcm, lost={0: 5, 3: 100}, clock=False, ends=True))
    _, lost = heard()
    assert lost == 1


def test_what_nobody_reads_in_time_is_lost_and_counted(plug: Plug) -> None:
    sound = np.arange(RATE_HZ * (QUEUE_S + 2)).astype(np.int16)
    fake = FakeMicrophone(sound, block_frames=1000)
    plug(fake)
    with ComputerMicrophone("", RATE_HZ) as microphone:
        assert fake.delivered.wait(PATIENCE_S)
        parts = []
        while microphone.lost == 0:
            block = microphone.read(PATIENCE_S)
            assert block is not None
            parts.append(block.pcm)
    kept = np.concatenate(parts)
    assert np.array_equal(kept[: RATE_HZ * QUEUE_S], sound[: RATE_HZ * QUEUE_S])
    assert microphone.lost >= 2 * RATE_HZ
    assert not kept[RATE_HZ * QUEUE_S :].any()  # the silence that came when there was room again


def test_a_microphone_is_chosen_by_number_name_or_part_of_it(plug: Plug) -> None:
    plug(
        FakeMicrophone(name="Built-in"),
        FakeMicrophone(name="USB One"),
        FakeMicrophone(name="USB Two"),
        FakeMicrophone(name="USB One", system=1),
        FakeMicrophone(name="USB"),
    )
    found = microphones()
    assert [one.number for one in found] == [1, 2, 3, 4, 5]
    assert [one.default for one in found] == [True, False, False, False, False]
    for wanted, number in (("", 1), ("3", 3), ("4", 4), ("usb one", 2), ("two", 3), ("USB", 5)):
        assert choose_microphone(found, wanted).number == number, wanted
    with pytest.raises(DeviceError) as refused:
        choose_microphone(found, "Bilt-in")
    assert refused.value.hint.startswith("Did you mean Built-in?")
    for wanted, says in (("us", "3 microphones are called us"), ("9", "no microphone 9"), ("0", "no microphone 0")):
        with pytest.raises(DeviceError, match=says):
            choose_microphone(found, wanted)


def test_a_name_of_digits_is_a_name_where_no_microphone_has_that_number(plug: Plug) -> None:
    plug(FakeMicrophone(name="Built-in"), FakeMicrophone(name="7"), FakeMicrophone(name="1"))
    found = microphones()
    assert [choose_microphone(found, wanted).number for wanted in ("7", "1")] == [2, 1]  # a number comes first


@pytest.mark.parametrize("call", ["query_devices", "query_hostapis"])
@pytest.mark.parametrize("words", ["listen --list", "listen", "record --pc --label a --seconds 1 -o out"])
def test_a_portaudio_that_lists_nothing_is_one_sentence(
    call: str,
    words: str,
    plug: Plug,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    setattr(plug(FakeMicrophone()), call, refuse)
    assert cli.run(words.split()) == 3
    assert "PortAudio cannot list this computer's microphones: Error querying device -1.\n" in capfd.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["listen", "a street.wav"], ["listen", "--json", "a street.wav"], ["listen", "--microphone", "a street.wav"],
     ["monitor", "-p", "mic:a street.wav"], ["monitor", "-p", "mic:a street.wav,model=home"]],
)  # fmt: skip
@pytest.mark.parametrize("installed", [True, False])
def test_a_recording_where_a_microphone_is_meant_names_the_verb_that_hears_it(
    words: list[str], installed: bool, plug: Plug, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    plug(FakeMicrophone())
    if not installed and words[0] == "monitor":
        monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert cli.run(words) == 2
    err = capfd.readouterr().err
    assert "hears a microphone, and a street.wav is none.\n" in err
    assert "For a recording: soundsdk sim 'a street.wav'\n" in err


def test_a_word_that_may_be_a_microphone_names_its_option(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["listen", "USB Microphone"]) == 2
    assert "A microphone: --microphone 'USB Microphone'. A recording: soundsdk sim FILE\n" in capfd.readouterr().err


def test_a_portaudio_that_cannot_look_again_is_one_sentence(plug: Plug) -> None:
    plug(FakeMicrophone())._initialize = refuse
    with pytest.raises(DeviceError, match="cannot list this computer's microphones"):
        look_again()


def test_a_microphone_without_a_known_rate_of_its_own_is_listed_and_used(
    plug: Plug, capfd: pytest.CaptureFixture[str]
) -> None:
    module = plug(FakeMicrophone(np.ones(RATE_HZ, np.int16), ends=True))
    module.query_devices()[1]["default_samplerate"] = float("nan")
    assert cli.run(["listen", "--list"]) == 0
    assert capfd.readouterr().out == "1  Fake Microphone  Sounds  default\n"
    assert len(heard()[0]) == RATE_HZ


def test_microphones_are_listed(plug: Plug, capfd: pytest.CaptureFixture[str]) -> None:
    plug(FakeMicrophone(name="Built-in", rate_hz=48000), FakeMicrophone(name="USB", channels=(1, 2)))
    assert cli.run(["listen", "--list"]) == 0
    assert capfd.readouterr().out.splitlines() == [
        "1  Built-in  Sounds  48000 Hz  default",
        "2  USB  Sounds  16000 Hz",
    ]
    assert cli.run(["listen", "--list", "--json"]) == 0
    assert [json.loads(line)["channels"] for line in capfd.readouterr().out.splitlines()] == [1, 2]


@pytest.mark.parametrize("words", [["listen"], ["listen", "--list"], ["monitor", "-p", "mic:"], ["info", "-p", "mic:"]])
def test_without_a_package_or_a_microphone_one_sentence_says_what_to_do(
    words: list[str], plug: Plug, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    plug()
    assert cli.run(words) == 3
    err = capfd.readouterr().err
    assert "this computer has no microphone." in err
    assert "soundsdk sim FILE" in err
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert cli.run(words) == 7
    err = capfd.readouterr().err
    assert "needs sounddevice, which is not installed." in err
    assert 'pip install "soundsdk[listen]"' in err


def test_without_portaudio_the_command_that_installs_it_is_given(
    plug: Plug, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert cli.run(["listen"]) == 7
    assert "needs PortAudio, which is not installed." in capfd.readouterr().err


def test_a_microphone_that_cannot_be_opened_is_exit_code_3_with_portaudios_reason(
    plug: Plug, capfd: pytest.CaptureFixture[str]
) -> None:
    plug(FakeMicrophone(rates_hz=()))
    assert cli.run(["listen"]) == 3
    assert "the microphone Fake Microphone cannot be used: Invalid sample rate." in capfd.readouterr().err


def test_wire_goes_with_seconds_alone(plug: Plug, capfd: pytest.CaptureFixture[str]) -> None:
    plug(FakeMicrophone())
    assert cli.run(["listen", "--wire", "--json"]) == 2
    assert cli.run(["listen", "--wire", "--label", "high"]) == 2
    assert capfd.readouterr().err.count("--wire prints the firmware's lines, and nothing else.") == 2
    assert cli.run(["listen", "--wire", "--seconds", "0.1"]) == 0


def test_a_microphone_that_comes_back_is_heard_again(pcm: np.ndarray, model_file: Path, plug: Plug) -> None:
    from soundsdk import ReconnectingDevice
    from soundsdk.device.reconnect import Disconnected, Reconnected

    plug(FakeMicrophone(pcm, ends=True))
    with ReconnectingDevice(f"mic:,model={model_file}") as device:
        kinds: list[type] = []
        gone = back = None
        for _ in range(600):
            kinds += [type(item) for item in device.read_all(0.1)]
            if Disconnected in kinds and Reconnected in kinds:
                break
            if Disconnected in kinds and gone is None:
                gone = plug()  # PortAudio knows no microphone while it is away
            elif gone is not None and gone.looked_again:
                back = plug(FakeMicrophone(pcm))
    assert kinds.index(Disconnected) < kinds.index(Reconnected)
    assert back is not None
    assert back.looked_again
