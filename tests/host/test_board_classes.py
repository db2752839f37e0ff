"""Ask a board what it listens for; labels that are mistyped are known before they are used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from sim.tiny_model import build, metadata
from soundsdk import cli
from soundsdk.device.classes import BoardClass, check_labels, classes_of
from soundsdk.device.messages import Ack
from soundsdk.device.session import CommandRejected, Device
from soundsdk.errors import ProtocolError, UsageError
from soundsdk.labels import meant


@pytest.fixture
def board(tmp_path: Path) -> str:
    """Return the address of a virtual board with the detector of two tones."""
    (tmp_path / "tones.tflite").write_bytes(build(metadata()))
    return f"sim:sim,model={tmp_path / 'tones.tflite'}"


def test_a_board_names_its_classes_and_their_thresholds_as_they_are_now(board: str) -> None:
    with Device.open(board) as device:
        assert classes_of(device) == [BoardClass("high", 600, 400, 256, 500), BoardClass("low", 600, 400, 256, 500)]
        device.set("low", on=0.7, min_ms=100, keep=False)
        classes = classes_of(device)
        assert classes is not None
        assert classes[1] == BoardClass("low", 700, 400, 100, 500)
        check_labels([device], ["low", "high"])
        check_labels([device], [])
        with pytest.raises(UsageError, match="tones on sim has no label hihg") as caught:
            check_labels([device], ["low", "hihg"])
        assert caught.value.hint == "Did you mean high? Known: high, low."


class Answers:
    """A device that gives the same answer to every request."""

    def __init__(self, answer: Ack | Exception) -> None:
        self.answer = answer

    def request(self, *_: object, **__: object) -> Ack:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_board_that_does_not_say_is_taken_to_have_every_label() -> None:
    silent = Answers(CommandRejected("model", "unsupported", "this firmware does not know that command"))
    assert classes_of(silent) is None  # type: ignore[arg-type]
    check_labels([silent], ["anything"])  # type: ignore[arg-type]


def test_a_board_that_always_describes_another_class_is_not_asked_for_ever() -> None:
    rule = {"on": 600, "off": 400, "min_ms": 256, "hold_ms": 500}
    stuck = Answers(Ack(1, "model", True, extra={"classes": 2, "class": 7, "label": "a", **rule}))
    with pytest.raises(ProtocolError, match="does not say which class"):
        classes_of(stuck)  # type: ignore[arg-type]


@pytest.mark.parametrize("extra", [{}, {"classes": "2", "class": 0, "label": "a"}, {"classes": 1, "class": 0}])
def test_an_answer_that_is_none_is_an_error(extra: dict[str, object]) -> None:
    with pytest.raises(ProtocolError, match="does not describe its detector"):
        classes_of(Answers(Ack(1, "model", True, extra=extra)))  # type: ignore[arg-type]


def test_info_asks_the_board(board: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["info", "-p", board]) == 0
    out = capfd.readouterr().out
    assert "thresholds now\n    high  threshold 0.6  off 0.4  min_ms 256  hold_ms 500\n    low " in out
    assert cli.run(["info", "-p", board, "--json"]) == 0
    classes = json.loads(capfd.readouterr().out)["classes"]
    assert [one["label"] for one in classes] == ["high", "low"]
    assert classes[0]["hold_ms"] == 500


@pytest.mark.parametrize(
    "words",
    [
        ["monitor", "--once", "--label", "Lo", "--seconds", "1"],
        ["monitor", "--label", "high", "--label", "Lo", "--seconds", "1"],
        ["set", "threshold.high=0.7", "threshold.Lo=0.8", "--until-restart"],
        ["record", "--label", "tone", "--seconds", "1", "--pre-roll", "0.5", "--on-trigger", "Lo", "-o", "out"],
    ],
)
def test_a_label_that_the_board_does_not_have_is_wrong_use(
    words: list[str], board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run([*words, "-p", board]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "tones on sim has no label Lo." in err
    assert "Did you mean low? Known: high, low." in err
    assert "Changed" not in err, "nothing is set before all labels are known"
    assert not (tmp_path / "out").exists()


def test_names_that_are_mistyped_elsewhere_are_named_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dogbark").mkdir()
    soundfile.write(tmp_path / "dogbark" / "a.wav", [0.0] * 16000, 16000)
    for words, code, says in (
        (["info", "hmoe"], 2, "Did you mean home?"),
        (["build", "rpi_pco"], 2, "Did you mean rpi_pico?"),
        (["set", "thresh.siren=0.5"], 2, "Did you mean threshold?"),
        (["evaluate", "home", "--data", str(tmp_path)], 1, "dogbark: did you mean dog_bark?"),
    ):
        assert cli.run(words) == code, words
        assert says in capfd.readouterr().err
    assert meant("zebra", ["siren"]) == ""
    assert meant("SIREN", ["siren", "Siren"]) == "Did you mean siren? "
