"""`soundsdk explain` from the outside: text, JSON, pictures, the page, and its errors."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from tiny_model import BURSTS, build, metadata, tones

from soundsdk.cli import run
from soundsdk.recording.audio_file import read
from soundsdk_sim.drawing.raster import dashes
from soundsdk_sim.drawing.surface import text_width, wrapped


@pytest.fixture
def explain(model_file: Path, capfd: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def call(*words: object, model: object = model_file) -> tuple[int, str, str]:
        code = run(["explain", *map(str, words), "--model", str(model)])
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_text_has_a_verdict_per_class_and_every_second(explain, wav: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = explain(wav)
    assert (code, err) == (0, "")
    assert "high: fired 2 times: " in out
    assert "low: fired 1 time: " in out
    spans = [line[:9].strip() for line in out.splitlines() if re.match(r" *\d+(-\d+)?  ", line)]
    told = [s for span in spans for s in range(int(span.split("-")[0]), int(span.split("-")[-1]) + 1)]
    assert told == list(range(10))


def test_json_lines_are_the_steps_the_verdicts_and_the_evidence(explain, wav: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = explain(wav, "--json")
    plain = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    steps = [one for one in plain if one["type"] == "step"]
    assert len(steps) == 78
    fired = [(s["end_s"], label) for s in steps for label, c in s["classes"].items() if c["state"] == "fired"]
    verdicts = {one["label"]: one for one in plain if one["type"] == "verdict"}
    assert sorted(fired) == sorted((e["fired_s"], label) for label, v in verdicts.items() for e in v["events"])
    assert [label for _, label in sorted(fired)] == [label for *_, label in BURSTS]
    _, out, _ = explain(wav, "--json", "--plot", tmp_path / "a.svg")
    more = [json.loads(line) for line in out.splitlines()]
    assert more[: len(plain)] == plain
    assert [one["type"] for one in more[len(plain) :]] == ["evidence", "evidence"]


def test_the_png_is_whole_and_sharp(explain, wav: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = explain(wav, "--plot", tmp_path / "a.png")
    assert code == 0
    assert f"wrote {tmp_path / 'a.png'}\n" in err
    assert " without the sound at " in out
    with Image.open(tmp_path / "a.png") as picture:
        assert (picture.format, picture.width) == ("PNG", 2320)
        picture.load()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_the_svg_is_one_valid_file_with_the_verdicts_as_text(explain, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    one = {"on": 600, "off": 400, "min_ms": 700, "hold_ms": 500}  # with every state, so that the legend is long
    (tmp_path / "m.tflite").write_bytes(build(metadata(detector={"pool_ms": 300, "classes": [one, dict(one)]})))
    bursts = [(1, 1.3, "high"), (2, 3.2, "high"), (3.6, 4.5, "high"), (5, 6.5, "high"), (1.5, 1.9, "low")]
    soundfile.write(tmp_path / "a.wav", tones(8, bursts), 16000)
    assert explain(tmp_path / "a.wav", "--plot", tmp_path / "a.svg", model=tmp_path / "m.tflite")[0] == 0
    text = (tmp_path / "a.svg").read_text()
    root = ET.fromstring(text)
    words = " ".join(e.text or "" for e in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "high" in words
    assert "Fired 2 times" in words
    assert "speaks against it" in words
    for e in root.iter("{http://www.w3.org/2000/svg}text"):  # every word lies on the page, those of the legend too
        x, length = float(e.attrib["x"]), float(e.attrib["textLength"])
        left = {"start": x, "middle": x - length / 2, "end": x - length}[e.attrib["text-anchor"]]
        assert 0 <= left <= left + length <= 1160, e.text
        assert 0 < float(e.attrib["y"]) < float(root.attrib["height"])
    links = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith("href")]
    assert links
    assert all(link.startswith("data:image/png;base64,") for link in links)


def test_the_page_needs_nothing_else_and_has_the_very_sound(explain, wav: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert explain(wav, "--html", tmp_path / "a.html")[0] == 0
    page = (tmp_path / "a.html").read_text()
    assert "/*" not in re.sub(r"<script>.*</script>", "", page, flags=re.S)
    for link in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert link.startswith("data:")
    sound = re.search(r'src="data:audio/flac;base64,([^"]+)"', page)
    assert sound
    heard, rate = soundfile.read(io.BytesIO(b64decode(sound[1])), dtype="int16")
    assert rate == 16000
    assert np.array_equal(heard, read(wav))
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert [c["label"] for c in data["classes"]] == ["high", "low"]
    assert len(data["ends"]) == len(data["classes"][0]["scores"]) == 78
    assert len(data["spans"]) == 3


def test_the_page_shows_every_second_without_a_box_to_scroll_and_what_happened_on_a_narrow_screen(
    explain, wav: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    assert explain(wav, "--html", tmp_path / "a.html")[0] == 0
    style = re.search(r"<style>(.*?)</style>", (tmp_path / "a.html").read_text(), re.S)
    assert style is not None
    wide, _, narrow = style[1].partition("@media (max-width:")
    assert "max-height" not in wide
    assert re.search(r"td:last-child \{ grid-column: 1 / -1;", narrow)  # a line of its own under the numbers


def test_names_from_outside_cannot_become_markup(explain, sound: np.ndarray, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    evil = "</script><b>"
    (tmp_path / "m.tflite").write_bytes(build(metadata(labels=[evil, "low"])))
    clip = tmp_path / "<i>&.wav"
    soundfile.write(clip, sound[:48000], 16000)
    code, *_ = explain(clip, "--html", tmp_path / "a.html", "--plot", tmp_path / "a.svg", model=tmp_path / "m.tflite")
    assert code == 0
    page = (tmp_path / "a.html").read_text()
    assert "<b>" not in page.replace("<b>on</b>", "").replace("<b>off</b>", "")
    assert "<i>&" not in page
    assert page.count("</script>") == 2
    assert evil in {e.text for e in ET.parse(tmp_path / "a.svg").iter()}


def test_a_long_recording_has_evidence_with_an_axis_of_its_own(explain, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    soundfile.write(tmp_path / "long.wav", tones(40, [(31.0, 32.0, "high")]), 16000)
    words = ("--html", tmp_path / "a.html", "--label", "high", "--at", "31.6")
    assert explain(tmp_path / "long.wav", *words)[0] == 0
    page = (tmp_path / "a.html").read_text()
    assert re.search(r">evidence</text>\n<text|27\.\d-32\.\d s</text>", page)
    ticks = {float(t) for t in re.findall(r">(\d+(?:\.\d+)?)</text>", page)}
    assert {28.0, 30.0, 31.5} <= ticks


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["no-such.wav"], 1, "there is no file"),
        (["text.wav"], 1, "not sound that can be read"),
        (["empty.wav"], 1, "is empty"),
        (["short.wav"], 1, "lasts 20 ms, less than the first step of tones needs"),
        (["."], 1, "is a folder"),
        (["clip.wav", "--plot", "a.jpg"], 2, "PNG and SVG"),
        (["clip.wav", "--plot", "no/folder/a.png"], 2, "no folder"),
        (["clip.wav", "--html", "no/folder/a.html"], 2, "no folder"),
        (["clip.wav", "--at", "1"], 2, "what to draw"),
        (["clip.wav", "--label", "dog", "--plot", "a.png"], 2, "no class dog"),
        (["clip.wav", "--at", "99", "--plot", "a.png"], 2, "outside the recording"),
        (["clip.wav", "--at", "nan", "--plot", "a.png"], 2, "is not a number"),
        (["clip.wav", "--plot", "taken.png"], 2, "is a directory"),
    ],
)
def test_wrong_calls_are_one_sentence_and_leave_nothing(  # type: ignore[no-untyped-def]
    explain, sound: np.ndarray, tmp_path: Path, monkeypatch, words: list[str], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("clip.wav", sound[:32000], 16000)
    soundfile.write("short.wav", sound[:320], 16000)
    Path("text.wav").write_text("no sound")
    Path("empty.wav").touch()
    Path("taken.png").mkdir()
    before = sorted(tmp_path.iterdir())
    got, out, err = explain(*words)
    assert got == code
    assert says in err
    assert out == ""
    assert sorted(tmp_path.iterdir()) == before


def test_any_rate_and_number_of_channels_is_explained(explain, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    x = tones(4, [(1.0, 2.5, "high")], rate_hz=44100)
    soundfile.write(tmp_path / "a.flac", np.stack([x, x], axis=1), 44100, subtype="PCM_24")
    code, out, _ = explain(tmp_path / "a.flac")
    assert code == 0
    assert "high: fired 1 time: " in out


def test_lead_is_quiet_before_the_recording_that_moves_its_events(explain, wav: Path) -> None:  # type: ignore[no-untyped-def]
    events = []
    for lead in (0, 2.048):  # a whole number of steps
        _, out, _ = explain(wav, "--json", "--lead", lead)
        objects = [json.loads(line) for line in out.splitlines()]
        assert objects[0]["seconds"] == 10 + lead
        if lead:
            assert objects[1]["sound"]["rms_dbfs"] == pytest.approx(-67, abs=0.3)  # 0 dBFS: a full-scale sine
        verdicts = [one for one in objects if one["type"] == "verdict"]
        events.append([(v["label"], e["fired_s"]) for v in verdicts for e in v["events"]])
    assert [(label, pytest.approx(s + 2.048, abs=0.13)) for label, s in events[0]] == events[1]


def test_dashes_cover_half_of_a_line() -> None:
    parts = dashes([(0, 0), (100, 0)], 5)
    assert [part[0][0] for part in parts] == [10.0 * n for n in range(10)]
    assert sum(b[0] - a[0] for a, b in parts) == pytest.approx(50)


def test_wrapped_lines_fit_and_lose_no_word() -> None:
    text = "a class that reaches on and does not fall below off for min_ms is an event"
    lines = wrapped(text, 12, 120)
    assert " ".join(lines) == text
    assert all(text_width(line, 12) <= 120 for line in lines)
