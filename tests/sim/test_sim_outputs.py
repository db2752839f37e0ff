"""`soundsdk sim --set`: what the rules of a virtual board switch, and when."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
from tiny_model import tones

from soundsdk.cli import run

Sim = Callable[..., tuple[int, str, str]]
BLOCK_S = 256 / 16000


@pytest.fixture
def sim(model_file: Path, capfd: pytest.CaptureFixture[str]) -> Sim:
    def call(*words: object) -> tuple[int, str, str]:
        code = run(["sim", *map(str, words), "--model", str(model_file)])
        return code, *capfd.readouterr()

    return call


def switched(text: str) -> list[tuple[float, str]]:
    """Return (time, what) of each line of standard error, all of which are such lines."""
    found = [re.fullmatch(r"(.+) at (\d+\.\d\d) s", line) for line in text.splitlines()]
    return [(float(m[2]), m[1]) for m in found if m is not None or pytest.fail(text)]


def test_a_level_is_switched_for_its_time_at_each_event(sim: Sim, wav: Path) -> None:
    code, out, err = sim(wav, "--set", "action.high=pin:15,high,0.5s")
    assert code == 0
    at = switched(err)
    assert [what for _, what in at] == ["GPIO 15 high", "GPIO 15 low"] * 2
    for (up, _), (down, _), onset in zip(at[::2], at[1::2], [1.0, 7.0], strict=True):
        assert onset < up < onset + 0.8
        assert down - up == pytest.approx(0.5, abs=BLOCK_S + 0.01)
    plain = sim(wav)[1].splitlines()
    # The board counts them in its status lines; what it hears is the same.
    assert [line for line in out.splitlines() if "status" not in line] == [x for x in plain if "status" not in x]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("pin:3", ["GPIO 3 high", "GPIO 3 low"]),
        ("pin:3,low,200ms", ["GPIO 3 low", "GPIO 3 high"]),
        ("pin:3,pulse,100ms,3", ["GPIO 3 high", "GPIO 3 low"] * 3),
        ("pin:3,blink,400ms,1s", ["GPIO 3 high", "GPIO 3 low"] * 3),
        ("tone:48,1500hz,pulse,60ms,2", ["GPIO 48 1500 Hz", "GPIO 48 silent"] * 2),
        ("led,1s", ["LED on", "LED off"]),
        ("led,200ms+pin:48,200ms", ["LED on", "GPIO 48 high", "LED off", "GPIO 48 low"]),
    ],
)
def test_every_kind_of_action_is_shown(sim: Sim, wav: Path, rule: str, expected: list[str]) -> None:
    code, _, err = sim(wav, "--set", f"action.low={rule}")
    times, what = zip(*switched(err), strict=True)
    assert (code, sorted(what), what[0]) == (0, sorted(expected), expected[0])
    assert list(times) == sorted(times)


def test_while_the_event_lasts_it_ends_with_the_recording(sim: Sim, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tones(3.0, [(1.0, 3.0, "high")], 16000), 16000, subtype="PCM_16")
    code, _, err = sim(tmp_path / "a.wav", "--set", "action=pin:1+led,blink,100ms")
    at = switched(err)
    assert code == 0
    assert [row for row in at if row[1] == "GPIO 1 low"] == [(3.0, "GPIO 1 low")]
    assert at[-1][0] == 3.0


def test_with_json_a_switching_is_an_object_and_the_rule_of_a_label_comes_first(sim: Sim, wav: Path) -> None:
    rules = ("--set", "action=none", "--set", "action.high=tone:14,2000hz,200ms", "--set", "action.low=led,200ms")
    code, out, err = sim(wav, "--json", *rules)
    objects = [json.loads(line) for line in out.splitlines()]
    found = [one for one in objects if one["type"] == "output"]
    assert (code, err) == (0, "")
    assert all(set(one) == {"type", "kind", "gpio", "value", "at_s"} for one in found)
    tone, led = [("tone", 14, 2000), ("tone", 14, 0)], [("led", None, 1), ("led", None, 0)]
    assert [(one["kind"], one["gpio"], one["value"]) for one in found] == [*tone, *led, *tone]
    # Before the line of the event that switches it.
    edges = [i for i, one in enumerate(objects) if one["type"] == "event" and one["edge"] == "on"]
    assert [objects[i - 1].get("value") for i in edges] == [2000, 1, 2000]


def test_sound_from_a_pipe_switches_the_same(sim: Sim, wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = ("--set", "action.high=pin:15,high,0.5s", "--format", "tsv")
    with wav.open("rb") as file, monkeypatch.context() as patched:
        patched.setattr(sys, "stdin", SimpleNamespace(buffer=file, isatty=lambda: False))
        piped = sim("-", *rule)
    code, out, err = sim(wav, *rule)
    assert piped == (code, out.replace(str(wav.name), "-"), err)
    assert len(switched(err)) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["action.hihg=led"], "tones has no label hihg.\n  Did you mean high? Known: high, low."),
        (["action.high=pin:1,2h"], "last must be 20ms..3600s or event, not 2h"),
        (["action.high=pin:1", "action.low=pin:1,low"], "GPIO 1 is high for action.high: it cannot be low here"),
        (["threshold.high=0.5"], "--set takes rules"),
        (["action.high=led", "--pty"], "--set does not go with --pty"),
        (["action.high=led", "--on", "unix"], "--set does not go with --on unix"),
    ],
)
def test_what_cannot_be_set_is_2(sim: Sim, wav: Path, words: list[str], said: str) -> None:
    rules = [w for word in words for w in ((["--set"] if "=" in word else []) + [word])]
    code, out, err = sim(wav, *rules)
    assert (code, out) == (2, "")
    assert said in err
