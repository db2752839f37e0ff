"""Evaluation on continuous sound: what is found, what is a false alarm, the figures, the page and the verb."""

from __future__ import annotations

import html
import io
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from host import chromium
from soundsdk import cli
from soundsdk.labels import LabelledSpan
from soundsdk_sim.scenes import make_scene
from soundsdk_train.evaluation.clip_metrics import average_precision
from soundsdk_train.evaluation.deployed import ReportedEvent, ScoredRecording
from soundsdk_train.evaluation.deployed_figures import BETWEEN, deployed_figures
from soundsdk_train.evaluation.exhibits import FALSE_ALARM, MISS, ExhibitCollector
from soundsdk_train.evaluation.outcomes import hours_without, judge
from soundsdk_train.evaluation.segments import weighted_average_precision
from soundsdk_train.evaluation.tables import LEFT_OUT, format_estimate, print_figures

RATE, STEP = 16000, 2048
LABELS = ["siren", "dog_bark"]


def recording(
    name: str, truth: list[LabelledSpan], *, seconds: float = 20.0, kind: str = "", sound_s: float = 0.0
) -> ScoredRecording:
    """Return a recording whose scores are 0.9 within the truth and 0 elsewhere."""
    ends = np.arange(STEP, round(seconds * RATE) + 1, STEP)
    scores = np.zeros((len(ends), len(LABELS)), np.int32)
    for true in truth:
        inside = (ends > true.onset_s * RATE) & (ends - STEP < true.offset_s * RATE)
        scores[inside, LABELS.index(true.label)] = 900
    return ScoredRecording(
        name, LABELS, scores, ends, round(seconds * RATE), RATE, STEP, truth, kind, name, sound_s=sound_s
    )


def event(onset: float, offset: float, label: str = "siren", score: float = 0.9, delay: float = 0.5) -> ReportedEvent:
    return ReportedEvent(onset, offset, label, score, onset + delay)


def test_an_event_is_found_within_the_sound_and_a_second_after() -> None:
    true = LabelledSpan(5.0, 7.0, "siren")
    for onset, found in ((4.8, False), (4.9, True), (6.9, True), (8.0, True), (8.01, False)):
        judged = judge(recording("a", [true]), [event(onset, onset + 1)])
        assert bool(judged.pairs[0][1]) == found, onset
        assert len(judged.false) == (not found)
    assert judge(recording("a", [true]), [event(5.5, 6, "dog_bark")]).false[0].label == "dog_bark"


def test_a_second_event_within_one_sound_is_no_false_alarm_and_belongs_to_the_newest() -> None:
    first, second = LabelledSpan(5.0, 7.0, "siren"), LabelledSpan(7.5, 9.0, "siren")
    judged = judge(recording("a", [first, second]), [event(5.1, 6), event(6.2, 7), event(7.6, 9)])
    assert [len(own) for _, own in judged.pairs] == [2, 1]
    assert judged.false == []


def test_hours_are_those_in_which_an_event_would_be_false() -> None:
    negative = recording("n", [], kind="speech", seconds=9.0, sound_s=4.0)
    assert hours_without(negative, "siren") == pytest.approx(4 / 3600)
    # Overlapping spans, each with a second after it, are not counted twice.
    mixed = recording("m", [LabelledSpan(2, 4, "siren"), LabelledSpan(4.5, 6, "siren"), LabelledSpan(0, 9, "dog_bark")])
    assert hours_without(mixed, "siren") == pytest.approx(15 / 3600)
    assert hours_without(mixed, "dog_bark") == pytest.approx(10 / 3600)


def judged_set() -> list:
    found = recording("a", [LabelledSpan(5.0, 7.0, "siren")])
    late = recording("b", [LabelledSpan(5.0, 8.0, "siren")])
    missed = recording("c", [LabelledSpan(3.0, 5.0, "siren"), LabelledSpan(10, 11, "dog_bark")])
    speech = recording("d", [], kind="speech", seconds=1800)
    music = recording("e", [], kind="music", seconds=3600)
    return [
        judge(found, [event(5.1, 7.1)]),
        judge(late, [event(5.9, 8.3, delay=1.0)]),
        judge(missed, [event(10.1, 11.0, "dog_bark"), event(15, 16, "dog_bark")]),
        judge(speech, [event(7, 8), event(100, 101), event(500, 501, "dog_bark")]),
        judge(music, []),
    ]


def test_the_figures_of_a_known_set() -> None:
    figures = deployed_figures(judged_set(), LABELS)
    siren, bark = figures.labels
    assert (siren.found, siren.events) == (2, 3)
    assert siren.recall.value == pytest.approx(2 / 3)
    assert siren.recall.low is None  # three sources are too few for an interval
    assert (figures.recall.low, figures.event_f1.high) == (None, None)
    assert siren.event_f1.value == pytest.approx(2 * 1 / (3 + 4))
    rates = {rate.kind: rate for rate in siren.false_alarms}
    assert list(rates) == ["music", "speech", "all negatives", BETWEEN]
    assert (rates["speech"].count, rates["speech"].per_hour) == (2, pytest.approx(4.0))
    assert (rates["music"].count, rates["music"].high) == (0, pytest.approx(3.6889, abs=1e-3))
    assert rates["all negatives"].per_hour == pytest.approx(2 / 1.5)
    assert bark.rate(BETWEEN).count == 1
    assert siren.onset_error.median_s == pytest.approx(0.5)
    assert siren.offset_error.median_s == pytest.approx(0.2)
    assert siren.latency.median_s == pytest.approx((0.6 + 1.9) / 2)
    # The steps that touch the bark also touch the seconds before and after it: three segments share a score.
    assert bark.average_precision.value == pytest.approx(1 / 3)
    assert figures.negative_hours == pytest.approx(1.5)
    assert 0 < figures.psds2.value <= 1
    json.dumps(figures.as_dict(), allow_nan=False)


def test_figures_of_negatives_alone_have_no_recall() -> None:
    figures = deployed_figures([judge(recording("n", [], kind="speech"), [])], LABELS)
    assert figures.recall.value is None
    assert figures.psds1.value is None
    assert figures.labels[0].rate().count == 0
    json.dumps(figures.as_dict(), allow_nan=False)


def test_intervals_of_more_recordings_are_narrower() -> None:
    def width(copies: int) -> float:
        judged = []
        for i in range(copies):
            true = LabelledSpan(5.0, 7.0, "siren")
            judged.append(judge(recording(f"r{i}", [true]), [event(5.1, 7.1)] if i % 2 else []))
        recall = deployed_figures(judged, LABELS).labels[0].recall
        assert recall.value == pytest.approx(0.5)
        return recall.high - recall.low

    assert width(40) < 0.6 * width(10)


@pytest.mark.parametrize(("sources", "shown"), [(4, "0.500 [-]"), (6, "0.500 [0.")])
def test_an_interval_needs_five_sources_with_the_label(sources: int, shown: str) -> None:
    true = LabelledSpan(5.0, 7.0, "siren")
    judged = [judge(recording(f"n{i}", [], kind="speech"), []) for i in range(20)]
    judged += [judge(recording(f"r{i}", [true]), [event(5.1, 7.1)] if i % 2 else []) for i in range(sources)]
    for take in judged[20:24]:
        judged.append(judge(take.recording, take.events))  # takes of a source count once
    figures = deployed_figures(judged, LABELS)
    assert format_estimate(figures.labels[0].recall).startswith(shown)
    for estimate in (figures.psds2, figures.mean_average_precision, figures.labels[0].average_precision):
        assert (estimate.low is None) == (sources < 5)


def test_weighted_average_precision_is_that_of_repeated_segments() -> None:
    rng = np.random.default_rng(4)
    truth, scores = (rng.random(60) < 0.3).astype(float), rng.integers(0, 12, 60) / 12
    weights = rng.integers(0, 3, (5, 60)).astype(float)
    for row, value in zip(weights, weighted_average_precision(truth, scores, weights), strict=True):
        repeated = np.repeat(np.arange(60), row.astype(int))
        assert value == pytest.approx(average_precision(truth[repeated], scores[repeated]))


def test_the_worst_errors_are_kept_with_their_sound() -> None:
    collector = ExhibitCollector(per_label=2)
    pcm = np.arange(20 * RATE).astype(np.int16)
    for score in (0.6, 0.9, 0.7):
        collector.add(judge(recording(f"n{score}", [], kind="speech"), [event(10, 11, score=score)]), pcm)
    collector.add(judge(recording("m", [LabelledSpan(5.0, 7.0, "siren")]), []), pcm)
    alarms = collector.worst(FALSE_ALARM, "siren")
    assert [exhibit.severity for exhibit in alarms] == [0.9, 0.7]
    assert (alarms[0].start_s, alarms[0].end_s) == (8.5, 12.0)
    assert np.array_equal(alarms[0].pcm, pcm[round(8.5 * RATE) : 12 * RATE])
    (miss,) = collector.worst(MISS, "siren")
    assert miss.severity == pytest.approx(0.1)
    assert collector.worst(MISS, "dog_bark") == []


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled folders, and a long recording with its truth beside them."""
    root = tmp_path_factory.mktemp("continuous")
    rng = np.random.default_rng(1)
    for folder, level in (("clips/neg_noise", 0.1), ("clips/background", 0.001)):
        (root / folder).mkdir(parents=True)
        soundfile.write(root / folder / "one.wav", rng.normal(0, level, 2 * RATE), RATE)
    scene = make_scene(14, 20.0)  # with a smoke alarm of 20 dB
    (root / "clips" / "smoke_alarm").mkdir()
    (alarm,) = scene.events
    cut = scene.pcm[round(alarm.onset_s * RATE) : round(alarm.offset_s * RATE)]
    soundfile.write(root / "clips" / "smoke_alarm" / "alarm.wav", cut, RATE)
    soundfile.write(root / "scene.wav", scene.pcm, RATE)
    rows = [f"scene.wav\t{e.onset_s}\t{e.offset_s}\t{e.label}" for e in scene.events]
    (root / "scene.tsv").write_text("\n".join(["filename\tonset\toffset\tevent_label", *rows]))
    return root


def test_evaluate_deployed_on_folders(sounds: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evaluate", "home", "--deployed", "--data", str(sounds / "clips"), "--json"]) == 0
    figures = json.loads(capfd.readouterr().out)["deployed"]
    assert figures["recordings"] == 3
    assert figures["negative_hours"] == pytest.approx(4 / 3600)
    smoke = figures["labels"][0]
    assert (smoke["label"], smoke["events"], smoke["found"]) == ("smoke_alarm", 1, 1)
    kinds = [rate["kind"] for rate in smoke["false_alarms"]]
    assert kinds == ["background", "noise", "all negatives", "between events"]


def test_evaluate_deployed_on_a_long_recording_writes_a_page_that_needs_nothing_else(
    sounds: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    words = ["evaluate", "home", "--deployed", "--audio", str(sounds / "scene.wav"), "--html", str(page)]
    assert cli.run(words) == 0
    out = capfd.readouterr().out
    assert "latency s" in out
    assert "200 ms / 20 %" in out
    assert "between events" in out
    assert "PSDS1" in out
    text = page.read_text()
    assert "<svg" in text
    assert "scene.wav" in text
    for name in ("onset s", "offset s", "latency s", ">PSDS1<"):
        assert name in text
    assert "<script" not in text
    # Everything that is loaded lies in the page.
    loaded = re.findall(r'(?:src|href)="([^"]{0,12})', text)
    assert all(address.startswith("data:") for address in loaded)
    assert not list(tmp_path.glob("*.part"))


def test_a_browser_shows_the_page_and_can_play_its_sounds(sounds: Path, tmp_path: Path) -> None:
    program = chromium.find()
    if program is None:
        pytest.skip(f"none of {', '.join(chromium.NAMES)} is installed")
    page = tmp_path / "report.html"
    # To this truth everything that the detector finds is false, and everything true is missed.
    truth = tmp_path / "truth.txt"
    truth.write_text("0.5\t1.0\tbaby_cry\n19.0\t19.5\tsiren\n")
    words = ["--deployed", "--audio", str(sounds / "scene.wav"), "--truth", str(truth), "--html", str(page)]
    assert cli.run(["evaluate", "home", *words]) == 0
    browser = chromium.Chromium(program, tmp_path / "profile")
    try:
        browser.view(1200, 900)
        browser.go(page.as_uri())
        count = browser.run("document.querySelectorAll('audio').length")
        assert count >= 3
        browser.run("document.querySelectorAll('audio').forEach(a => { a.preload = 'auto'; a.load(); })")
        playable = "[...document.querySelectorAll('audio')].filter(a => a.duration > 1).length"
        browser.wait(f"{playable} == {count}")
        assert browser.run("[...document.querySelectorAll('figure svg polyline')].length") >= count
        browser.view(380, 800, dark=True)
        assert browser.run("document.documentElement.scrollWidth") <= 380
        assert browser.complaints == []
        assert [url for url in browser.requests if not url.startswith(("data:", page.as_uri()))] == []
    finally:
        browser.close()


def test_clips_alone_are_shown_with_the_hourly_figures(sounds: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evaluate", "home", "--data", str(sounds / "clips"), "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["int8"]["clips"] == 3
    assert report["deployed"]["recordings"] == 3
    assert cli.run(["evaluate", "home", "--data", str(sounds / "clips")]) == 0
    assert "false alarms per hour" in capfd.readouterr().out


def test_a_page_that_cannot_be_written_is_refused_before_measuring(
    sounds: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("soundsdk_train.evaluation.deployed_run.evaluate_deployed", lambda *_, **__: pytest.fail("ran"))
    page = sounds / "scene.wav" / "x.html"
    assert cli.run(["evaluate", "home", "--deployed", "--data", str(sounds / "clips"), "--html", str(page)]) == 1
    assert "cannot be written" in capfd.readouterr().err


def test_each_error_on_the_page_names_the_command_that_explains_it(
    sounds: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clips, page = tmp_path / "my clips", tmp_path / "report.html"
    (clips / "siren").mkdir(parents=True)
    shutil.copy(sounds / "clips" / "neg_noise" / "one.wav", clips / "siren")
    assert cli.run(["evaluate", "home", "--deployed", "--data", str(clips), "--html", str(page), "--lead", "2"]) == 0
    said = capfd.readouterr().out
    assert "1 recording, " in said
    # Of clips nobody knows when their sounds begin: a figure of onsets would be 0.000 whatever the detector does.
    assert "200 ms / 20 %" not in said
    assert " ".join(LEFT_OUT.split()) in " ".join(said.split())
    for name in ("onset s", "offset s", "latency s", "│ PSDS1"):
        assert name not in said
    assert "│ PSDS2" in said
    text = page.read_text()
    assert "each clip begins at 2 s" in text
    assert "event F1" not in text
    assert LEFT_OUT in text
    for name in ("onset s", "offset s", "latency s", ">PSDS1<", "latency is counted"):
        assert name not in text
    assert ">PSDS2<" in text
    (command,) = {html.unescape(found) for found in re.findall("<code>(.*?)</code>", text)}
    words = shlex.split(command)
    assert words[2:] == [str(clips / "siren" / "one.wav"), "--lead", "2", "-m", "home"]
    assert cli.run(words[1:]) == 0


def test_many_labels_have_a_row_each_in_the_table_of_false_alarms() -> None:
    labels = [f"label_{i}" for i in range(10)]
    judged = []
    for i in range(12):
        ends = np.arange(STEP, 20 * RATE, STEP)
        scored = ScoredRecording(
            f"n{i}", labels, np.zeros((len(ends), 10), np.int32), ends, 20 * RATE, RATE, STEP, [], f"kind_{i}"
        )
        judged.append(judge(scored, [event(2, 3, "label_7")] if i in (3, 11) else []))
    file = io.StringIO()
    print_figures(Console(file=file, width=120), "ten", deployed_figures(judged, labels), onsets_known=True)
    lines = file.getvalue().splitlines()
    last = "\n".join(lines[next(i for i, line in enumerate(lines) if "false alarms per" in line) :])
    assert all(f" {label} " in last for label in labels)
    assert "kind_3" in last
    assert "kind_11" in last
    assert "8 more kinds" in last
    assert re.search(r"label_7 .*2: ", last)
    assert "…" not in last


def test_labels_of_the_truth_that_the_model_does_not_know_are_in_a_note(
    sounds: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "home", "--deployed", "--audio", str(sounds / "scene.wav"), "--truth"]
    truth = tmp_path / "truth.txt"
    truth.write_text("1\t2\tSmoke alarm\n3\t4\tdril\n")
    assert cli.run([*words, str(truth), "--json"]) == 0
    said = capfd.readouterr()
    assert json.loads(said.out)["deployed"]["labels"][0]["events"] == 1
    assert "note: these labels of the truth are none of the model's: dril" in said.err
    truth.write_text("1\t2\tsmok alarm\n")
    assert cli.run([*words, str(truth)]) == 1
    assert "smok_alarm: did you mean smoke_alarm?" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--deployed"], 2, "give either --data or --audio"),
        (["--data", "{clips}", "--html", "x.html"], 2, "Add --deployed"),
        (["--deployed", "--data", "{clips}", "--truth", "x.tsv"], 2, "Give --audio FILE"),
        ([], 2, "nothing to measure on"),
        (["--deployed", "--data", "no/such/folder"], 1, "is not a folder"),
        (["--deployed", "--data", "{clips}", "--fold", "77"], 2, "there is no fold 77"),
        (["--deployed", "--data", "{clips}", "--html", "no/such/folder/x.html"], 1, "cannot be written"),
        (["--deployed", "--audio", "x.wav", "--background", "b.wav"], 2, "--background cannot be used with --audio"),
        (["--deployed", "--audio", "x.wav", "--lead", "3", "--fold", "1"], 2, "--lead and --fold cannot be used"),
        (["--data", "{clips}", "--lead", "3"], 2, "Add --deployed"),
    ],
)
def test_wrong_calls_of_evaluate_are_one_sentence(
    words: list[str], code: int, says: str, sounds: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(clips=sounds / "clips") for word in words]
    assert cli.run(["evaluate", "home", *given]) == code
    said = capfd.readouterr().err
    assert says in said
    assert "Traceback" not in said
