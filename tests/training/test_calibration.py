"""Thresholds for a rate of false alarms: counted as the firmware does, kept on other sound, written into the file."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import training_sounds
from click.testing import CliRunner

from soundfw.detect import detector as firmware
from soundfw.detect.thresholds import Thresholds
from soundsdk import cli
from soundsdk.errors import CheckError, DataError, ModelError
from soundsdk.labels import LabelledSpan
from soundsdk.models.reachability import highest_scores, unreachable_in
from soundsdk.models.shipped import load_model
from soundsdk.recording import audio_file
from soundsdk_train.calibration import by_default
from soundsdk_train.calibration.by_default import calibrate_trained
from soundsdk_train.calibration.choice import Choice, ClassChoice, choose
from soundsdk_train.calibration.event_counts import SCENE_S, EventRule, Outcome, ScoreTrace
from soundsdk_train.calibration.heard import Claim, HeardRecording, Listener, sound_end
from soundsdk_train.calibration.held_back import hear_held_back, outputs_of
from soundsdk_train.calibration.material import hear_backgrounds, hear_generated
from soundsdk_train.calibration.rates import expected_rates, proved_rate
from soundsdk_train.calibration.rewrite import replace_metadata
from soundsdk_train.commands.calibrate import calibrate, check_attained
from soundsdk_train.datasets import LabelledFile
from soundsdk_train.evaluation.deployed import detect_events, score_recording
from soundsdk_train.evaluation.intervals import poisson_interval
from soundsdk_train.features import extract
from soundsdk_train.run_settings import CalibrationSettings, FrontendSettings

ROOT = Path(__file__).parents[2]
HOME = (ROOT / "firmware" / "models" / "home.tflite").read_bytes()
REAL = Path(os.environ.get("SOUNDSDK_DATA", ROOT.parent / "shared" / "data")) / "real"
RATE, STEP = 16000, 2048


def ends(steps: int) -> np.ndarray:
    """Return the samples at which the steps of a recording end."""
    return 2304 + STEP * np.arange(steps, dtype=np.int64)


def firmware_events(scores: np.ndarray, on: int, rule: EventRule, pool_ms: int) -> list[tuple[int, int]]:
    """Return the onsets and ends that the firmware's detector reports."""
    limits = Thresholds(on, rule.off, rule.min_ms, rule.hold_ms)
    one = firmware.EventDetector(["a"], "sigmoid", [limits], pool_ms, RATE, STEP, (1.0, 0))
    began, over = [], []
    for score, end in zip(scores.tolist(), ends(len(scores)).tolist(), strict=True):
        one.scores[0] = score
        if one.update(end):
            (began if one.edge[0] == firmware.ON else over).append(one.time[0])
    if one.close(int(ends(len(scores))[-1])):
        over.append(one.time[0])
    return list(zip(began, over, strict=True))


@pytest.mark.parametrize("seed", range(60))
def test_onsets_and_ends_are_those_of_the_firmware(seed: int) -> None:
    rng = np.random.default_rng(seed)
    recordings = [
        np.clip(np.cumsum(rng.normal(0, 150, n)) + rng.uniform(0, 900), 0, 1000).astype(np.int32)
        for n in rng.integers(1, 150, 3)
    ]
    durations = (0, 100, 128, 300, 512, 700, 2000)
    rule = EventRule(int(rng.integers(1, 500)), int(rng.choice(durations)), int(rng.choice(durations)))
    pool_ms = int(rng.choice([0, 512, 2000]))
    trace = ScoreTrace(recordings, [ends(len(s)) for s in recordings], [[], [], []], RATE, STEP, pool_ms)
    on_values = [500, 700, 950]
    for on, found in zip(on_values, trace.events(rule, on_values), strict=True):
        expected = [firmware_events(s, on, rule, pool_ms) for s in recordings]
        assert [tuple(t & (2**40 - 1) for t in one) for one in zip(*found, strict=True)] == [
            one for own in expected for one in own
        ]
        assert trace.outcome(rule, [on]).false[0] == sum(map(len, expected))


def test_events_of_a_sound_are_found_once_and_all_others_are_false() -> None:
    scores = np.zeros(200, np.int32)
    scores[20:30] = scores[60:64] = scores[80:90] = scores[150:155] = 900
    sound = [Claim("a", int(ends(200)[19]), int(ends(200)[95])), Claim("a", int(ends(200)[120]), int(ends(200)[130]))]
    trace = ScoreTrace([scores], [ends(200)], [sound], RATE, STEP, 0)
    outcome = trace.outcome(EventRule(200, 0, 700), [800, 950])
    assert outcome.false.tolist() == [1, 0]
    assert outcome.found.tolist() == [1, 0]
    assert outcome.extra.tolist() == [2, 0]
    assert outcome.late.tolist() == [0, 0]


def test_an_event_that_outlasts_its_claim_ends_late_and_only_the_last_one_counts() -> None:
    scores = np.zeros(200, np.int32)
    scores[20:30] = scores[60:90] = scores[120:135] = 900
    scores[90:96] = 300
    at = ends(200)
    sound = [Claim("a", int(at[19]), int(at[89])), Claim("a", int(at[110]), int(at[140]))]
    trace = ScoreTrace([scores], [at], [sound], RATE, STEP, 0)
    for off, late in ((200, 1), (400, 0)):
        outcome = trace.outcome(EventRule(off, 0, 700), [800])
        assert (outcome.found.tolist(), outcome.late.tolist()) == ([2], [late])


def test_what_is_heard_and_pooled_gives_the_scores_of_the_device() -> None:
    rng = np.random.default_rng(2)
    pcm = audio_file.to_int16(rng.normal(0, 0.1, 6 * RATE))
    listener = Listener(HOME)
    heard = listener.hear(pcm)
    assert np.array_equal(heard.ends, score_recording(HOME, pcm).ends)
    for pool_ms in (0, 512):
        metadata = {**listener.metadata, "detector": {**listener.metadata["detector"], "pool_ms": pool_ms}}
        device = score_recording(replace_metadata(HOME, metadata), pcm)
        assert np.array_equal(listener.pooled(heard, pool_ms), device.scores)


def outcome(false: list[int], scenes: list[int] | None = None, squares: list[int] | None = None) -> Outcome:
    """Return false events, each in a scene of its own unless said otherwise."""
    counts = [np.array(c, float) for c in (false, scenes or false, squares or false)]
    none = counts[0] * 0
    return Outcome(counts[0], none, none, counts[1], counts[2], none)


def test_the_expected_rate_falls_smoothly_beyond_the_highest_false_event() -> None:
    on_values = [500, 700, 850, 930, 970, 990, 997]
    counted = [20, 11, 6, 3, 1, 0, 0]
    rates = expected_rates(on_values, outcome(counted), 2.0)
    assert (np.diff(rates.per_hour) < 0).all()
    assert (rates.per_hour >= np.array(counted) / 2).all()
    assert (rates.per_hour <= (np.array(counted) + 1) / 2).all()
    assert 0 < rates.per_hour[-1] < rates.per_hour[-2] < 0.5
    assert (rates.likely_per_hour > rates.per_hour).all()
    silent = expected_rates(on_values, outcome([0] * 7), 2.0)
    assert (silent.per_hour > 0).all()  # two hours of silence do not prove that nothing will ever fire
    assert silent.per_hour[-1] < 0.01


def test_clusters_make_a_rate_less_certain_than_the_same_count_one_by_one() -> None:
    on_values = [500, 700, 850, 930]
    alone = expected_rates(on_values, outcome([24, 18, 12, 6]), 2.0)
    together = expected_rates(on_values, outcome([24, 18, 12, 6], [8, 6, 5, 1], [96, 72, 48, 36]), 2.0)
    assert together.per_hour[:3] == pytest.approx(alone.per_hour[:3], rel=0.01)
    assert (together.likely_per_hour > alone.likely_per_hour).all()
    assert together.size.tolist() == [3.0, 3.0, 2.4, 2.4]  # one scene does not tell how large they are
    assert proved_rate(0, 2.4, 2.0) == pytest.approx(2.4 * proved_rate(0, 1.0, 2.0))


def test_false_events_of_one_source_or_one_long_recording_are_counted_as_they_cluster() -> None:
    scores = np.zeros(200, np.int32)
    scores[20:30] = scores[80:90] = 900
    long_one = np.zeros(round(3 * SCENE_S * RATE / STEP), np.int32)
    for second in (10, 20, SCENE_S + 10, 2 * SCENE_S + 10):
        long_one[second * RATE // STEP] = 900
    recordings = [scores, scores, scores, long_one]
    for sources, scenes, squares in (([], 6, 4 * 3 + 4 + 2), (["a", "a", "b", ""], 5, 16 + 4 + 4 + 2)):
        trace = ScoreTrace(recordings, [ends(len(s)) for s in recordings], [[]] * 4, RATE, STEP, 0, sources)
        counted = trace.outcome(EventRule(200, 0, 700), [800, 950])
        assert counted.false.tolist() == [10, 0]
        assert counted.scenes.tolist() == [scenes, 0]
        assert counted.squares.tolist() == [squares, 0]


class MadeListener(Listener):
    """A model of one label whose logits are made, in units of 1/16."""

    def __init__(self) -> None:
        super().__init__(HOME)
        rule = {"on": 600, "off": 300, "min_ms": 0, "hold_ms": 700}
        self.labels = ["bell"]
        self.metadata = {**self.metadata, "labels": ["bell"], "detector": {"pool_ms": 0, "classes": [rule]}}

    def pooled(self, heard: HeardRecording, pool_ms: int) -> np.ndarray:
        z = heard.logits / 16
        if pool_ms:
            z = np.apply_along_axis(lambda x: np.convolve(x, np.ones(3) / 3)[: len(x)], 0, z)
        return np.rint(1000 / (1 + np.exp(-z))).astype(np.int32)


def made(rng: np.random.Generator, hours: float, per_hour: float, mean: float, true: bool = False) -> HeardRecording:
    """Sound in which events come at a rate, their peaks with an exponential tail of logits above `mean`."""
    steps = round(hours * 3600 * RATE / STEP)
    z = rng.normal(-5, 0.5, steps)
    claims = []
    for at in rng.choice(steps // 40, rng.poisson(per_hour * hours), replace=False) * 40 + 10:
        z[at : at + 8] = mean + rng.exponential(0.9)
        if true:
            claims.append(Claim("bell", int(ends(steps)[at - 2]), int(ends(steps)[at + 8])))
    logits = np.clip(np.rint(z * 16), -128, 127).astype(np.int8)[:, None]
    sound_s = 0.0 if true else hours * 3600
    return HeardRecording("", logits, np.zeros((steps, 0), np.int8), ends(steps), claims, "made", sound_s)


def false_in(choice: Choice, listener: Listener, quiet: list[HeardRecording]) -> list[int]:
    """Count false events per label with the firmware's detector."""
    out = [0] * len(listener.labels)
    for heard in quiet:
        scores = listener.pooled(heard, choice.detector["pool_ms"])
        for i in range(len(out)):
            t = choice.detector["classes"][i]
            rule = EventRule(t["off"], t["min_ms"], t["hold_ms"])
            out[i] += len(firmware_events(scores[:, i], t["on"], rule, choice.detector["pool_ms"]))
    return out


def test_the_rate_is_kept_on_other_sound_and_most_events_are_found() -> None:
    listener = MadeListener()
    total, recalls = 0, []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        quiet, other = ([made(rng, 0.5, 20, 0.0) for _ in range(4)] for _ in range(2))
        choice = choose(listener, quiet, [made(rng, 0.1, 400, 4.5, true=True)], 2.0, pools=[0])
        assert choice.classes[0].attained
        assert choice.classes[0].cross_false is not None
        assert choice.hours == pytest.approx(2.0)
        total += false_in(choice, listener, other)[0]
        recalls.append(choice.classes[0].recall)
    # 8 h of other sound at 2 an hour; each choice counts on its own 2 h, so this is no lucky draw.
    assert poisson_interval(total)[0] <= 16, total
    assert np.mean(recalls) > 0.9


def test_without_events_the_lowest_quiet_threshold_is_taken_and_durations_stay() -> None:
    listener = MadeListener()
    rng = np.random.default_rng(1)
    quiet = [made(rng, 1.0, 20, 0.0) for _ in range(3)]
    loose, strict = (choose(listener, quiet, [], rate).classes[0] for rate in (10.0, 1.0))
    assert loose.recall is None
    assert loose.thresholds["on"] < strict.thresholds["on"]
    assert loose.thresholds["off"] == strict.thresholds["off"] == 300
    assert strict.false / strict.hours <= 1.0


def test_a_rate_is_not_attained_where_false_events_are_as_loud_as_can_be() -> None:
    listener = MadeListener()
    rng = np.random.default_rng(1)
    loud = [made(rng, 0.5, 60, 9.0) for _ in range(2)]
    choice = choose(listener, loud, [], 1.0)
    assert not choice.classes[0].attained
    assert choice.classes[0].expected_per_hour > 30
    quiet = [made(rng, 0.5, 0, 0.0) for _ in range(2)]
    deaf = choose(listener, quiet, [made(rng, 0.1, 200, -4.0, true=True)], 1.0)
    assert not deaf.classes[0].attained
    assert choose(listener, quiet, [], 0.5).hours_to_prove == pytest.approx(2.9957 / 0.5, abs=1e-3)


def settings(**changes: int) -> dict[str, Any]:
    """Return the metadata of `home` with other thresholds for its first label."""
    metadata = load_model("home").metadata
    first = {**metadata["detector"]["classes"][0], **changes}
    pool_ms = first.pop("pool_ms", metadata["detector"]["pool_ms"])
    return {**metadata, "detector": {"pool_ms": pool_ms, "classes": [first, *metadata["detector"]["classes"][1:]]}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"on": 300, "off": 300}, "off 0.3 is not below the threshold 0.3"),
        ({"min_ms": 20000}, "min_ms 20000 is longer"),
        ({"pool_ms": 60000, "on": 1000}, "its score reaches"),
        ({"off": 1, "on": 900, "pool_ms": 30000}, "never ends"),
    ],
)
def test_a_class_that_cannot_work_is_named_with_the_reason(changes: dict[str, int], says: str) -> None:
    found = unreachable_in(HOME, settings(**changes))
    assert found[0].label == "smoke_alarm"
    assert says in str(found[0])


@pytest.mark.parametrize("name", ["home", "esc10", "knock_doorbell"])
def test_every_class_of_a_shipped_detector_can_fire_and_end(name: str) -> None:
    detector = load_model(name)
    assert unreachable_in(detector.data, detector.metadata) == []
    assert min(highest_scores(detector.data, detector.metadata, 512)) > 900


def test_metadata_is_replaced_and_every_other_byte_stays() -> None:
    import soundcore

    before = json.loads(bytes(soundcore.Stream(HOME).metadata))
    once = replace_metadata(HOME, {**before, "calibration": {"hours": 1.0}})
    twice = replace_metadata(once, {**before, "calibration": {"hours": 2.0, "more": "x" * 500}})
    again = replace_metadata(twice, {**before, "calibration": {"hours": 1.0}})
    assert json.loads(bytes(soundcore.Stream(twice).metadata))["calibration"]["hours"] == 2.0
    assert again == once  # the second text took the place of the first
    at = HOME.index(b'{"soundsdk"')
    length = int.from_bytes(HOME[at - 4 : at], "little")
    changed = [i for i in range(len(HOME)) if HOME[i] != once[i] and not at <= i < at + length]
    assert 0 < len(changed) <= 4
    pcm = audio_file.to_int16(np.random.default_rng(0).normal(0, 0.05, 3 * RATE))
    assert np.array_equal(score_recording(HOME, pcm).scores, score_recording(twice, pcm).scores)
    with pytest.raises(ModelError, match="no metadata"):
        replace_metadata(b"TFL3" * 20, before)
    with pytest.raises(ModelError, match="no metadata"):
        replace_metadata(HOME[:200], before)


def backgrounds(folder: Path, count: int = 4, seconds: float = 30.0) -> Path:
    """Write recordings of noise."""
    folder.mkdir(parents=True)
    for i in range(count):
        noise = np.random.default_rng(i).normal(0, 0.02, round(seconds * RATE))
        soundfile.write(folder / f"n{i}.wav", noise, RATE)
    return folder


def test_a_class_that_no_threshold_makes_work_is_blamed_on_its_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    from soundsdk.models import reachability

    found = [reachability.Unreachable("siren", "its score falls to 0.5 at least, and off is 0.4: its event never ends")]
    monkeypatch.setattr(reachability, "unreachable_in", lambda *_: found)
    quiet, out = backgrounds(tmp_path / "quiet", 1), tmp_path / "out.tflite"
    words = ["calibrate", "home", "--max-fa-per-hour", "400", "--background", str(quiet), "-o", str(out)]
    assert cli.run(words) == 6
    said = capfd.readouterr().err
    assert "too short a training or too few recordings: train it again" in said
    assert f"{found[0]}." in said
    assert not out.exists()


def test_the_verb_writes_a_file_that_says_what_it_was_calibrated_on(tmp_path: Path, capfd: Any) -> None:
    quiet, out = backgrounds(tmp_path / "quiet"), tmp_path / "out.tflite"
    words = ["calibrate", "home", "--max-fa-per-hour", "50", "--background", str(quiet), "-o", str(out), "--json"]
    assert cli.run(words) == 0
    said = capfd.readouterr()
    report = json.loads(said.out)
    detector = load_model(out)
    assert detector.metadata["calibration"] == report["calibration"]
    assert detector.metadata["detector"] == report["detector"]
    before = load_model("home").metadata["detector"]["classes"]
    assert [one["label"] for one in report["changes"]] == detector.metadata["labels"]
    for one, old, new in zip(report["changes"], before, report["detector"]["classes"], strict=True):
        assert [one["on"], one["min_ms"]] == [[old["on"], new["on"]], [old["min_ms"], new["min_ms"]]]
        assert (one["direction"] == "lowered") is (new["on"] < old["on"])
        assert 0 <= one["expected_per_hour"] <= one["likely_per_hour"] <= 50
        assert (f"note: {one['label']} is {one['direction']}" in said.err) is (one["direction"] != "kept")
    assert report["calibration"]["hours"] == pytest.approx(120 / 3600, abs=1e-3)
    assert report["calibration"]["sources"] == ["quiet"]
    assert "too few to prove 50 an hour" in said.err
    assert "0.1 h without a false alarm" in said.err
    noise = audio_file.read(quiet / "n0.wav")
    assert detect_events(score_recording(detector.data, noise), detector.metadata["detector"]) == []


def test_raise_only_lowers_no_threshold(tmp_path: Path, capfd: Any) -> None:
    quiet = backgrounds(tmp_path / "quiet", 3, 20.0)
    chosen, said = {}, {}
    for more in ([], ["--raise-only"]):
        out = tmp_path / f"{len(more)}.tflite"
        words = ["calibrate", "home", "--max-fa-per-hour", "500", "--background", str(quiet), "-o", str(out), *more]
        assert cli.run(words) == 0, capfd.readouterr().err
        chosen[len(more)] = [c["on"] for c in load_model(str(out)).metadata["detector"]["classes"]]
        said[len(more)] = capfd.readouterr().err
    before = [c["on"] for c in load_model("home").metadata["detector"]["classes"]]
    assert any(on < old for on, old in zip(chosen[0], before, strict=True))
    assert all(on >= old for on, old in zip(chosen[1], before, strict=True))
    for label, on, old in zip(load_model("home").metadata["labels"], chosen[0], before, strict=True):
        assert (f"note: {label} is lowered: on {old} → {on}" in said[0]) is (on < old)
    assert "is lowered" not in said[1]


def test_the_verb_refuses_what_it_cannot_do(tmp_path: Path, capfd: Any) -> None:
    quiet = backgrounds(tmp_path / "quiet", 1, 2.0)
    rate = ["--max-fa-per-hour", "1"]
    assert cli.run(["calibrate", "home", *rate, "--background", str(quiet)]) == 2
    assert "Name the file to write with -o." in capfd.readouterr().err
    alarms = backgrounds(tmp_path / "siren", 1, 2.0)
    assert cli.run(["calibrate", "home", *rate, "--background", str(alarms), "-o", str(tmp_path / "o.tflite")]) == 1
    assert "cannot be background" in capfd.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="no WAV"):
        hear_backgrounds(Listener(HOME), [empty], str)
    events = ["--events", str(tmp_path)]
    often = ["--max-fa-per-hour", "20000"]
    words = ["calibrate", "home", *often, "--background", str(quiet), *events, "-o", str(tmp_path / "o.tflite")]
    # Noise in a folder named after a label is found by no setting.
    assert cli.run(words) == 6
    assert "siren, which then misses every event" in capfd.readouterr().err
    few = ["calibrate", "home", *rate, "--background", str(quiet), "-o", str(tmp_path / "o.tflite")]
    assert cli.run(few) == 6
    said = capfd.readouterr().err
    assert "0.00056 h of background (1 recording) cannot tell 1 false alarm an hour: 1 h are the least." in said
    assert "hearing" not in said
    assert not (tmp_path / "o.tflite").exists()


def test_the_refusal_names_what_failed_and_a_rate_that_would_do() -> None:
    rules = {"on": 900, "off": 200, "min_ms": 0, "hold_ms": 700}
    # Quiet where it was chosen, but thresholds chosen on either half report 9 false events in the other.
    knock = ClassChoice("knock", rules, 0, 0, 0.69, 0.2, 0.39, 1.0, 0.8, 150, attained=False, cross_false=9)
    with pytest.raises(CheckError) as e:
        check_attained(Choice({}, [knock], 4.0, 0.69))
    assert "knock, of which thresholds chosen on one half of it report 9 false events in the other" in e.value.message
    offered = float(e.value.hint.split("--max-fa-per-hour ")[1].split(",")[0])
    assert offered > 4.0
    assert poisson_interval(9, 0.9)[0] <= offered * 0.69


def test_too_little_background_is_refused_before_any_of_it_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    quiet, out = backgrounds(tmp_path / "quiet", 20, 5.0), tmp_path / "o.tflite"
    monkeypatch.setattr(Listener, "hear", lambda *_, **__: pytest.fail("it was heard"))
    rate = ["--max-fa-per-hour", "0.5"]
    assert cli.run(["calibrate", "home", *rate, "--background", str(quiet), "-o", str(out)]) == 6
    said = capfd.readouterr().err
    assert "0.028 h of background (20 recordings) cannot tell 0.5 false alarms an hour: 2 h are the least." in said
    assert "--max-fa-per-hour 36" in said


def test_calibrate_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    from soundsdk_train.commands import calibrate

    monkeypatch.setattr(calibrate, "_LINE_S", 0.0)  # private: half a minute of hearing is too long for a test
    quiet = backgrounds(tmp_path / "quiet", 3, 2.0)
    events = backgrounds(tmp_path / "events" / "siren", 1, 2.0).parent
    words = ["calibrate", "home", "--max-fa-per-hour", "2000", "--background", str(quiet), "--events", str(events)]
    cli.run([*words, "-o", str(tmp_path / "o.tflite")])
    said = capfd.readouterr().err
    assert "hearing 0.0017 h of background, 3 recordings" in said
    assert "heard 2 of 3 recordings of background" in said
    assert "heard 1 recording of events" in said
    assert "choosing thresholds for 2000 an hour" in said


def test_plural_and_prefixed_backgrounds_are_no_events_of_a_calibration() -> None:
    metadata = {**load_model("home").metadata, "labels": ["noises", "neg_fan", "background_noise", "baby_cry"]}
    listener = Listener(replace_metadata(HOME, metadata))
    quiet = [listener.hear(np.zeros(30 * RATE, np.int16), sound_s=30.0)]
    choice = choose(listener, quiet, [], 500.0)
    assert [c.label for c in choice.classes] == ["baby_cry"]
    rules = listener.metadata["detector"]["classes"]
    assert choice.detector["classes"][:3] == rules[:3]


def test_generated_sound_holds_no_label() -> None:
    heard = hear_generated(Listener(HOME), 150.0)
    assert len({h.kind for h in heard}) > 10
    assert sum(h.sound_s for h in heard) <= 150
    assert not {"calls"} & {h.kind for h in heard}  # a dog may be among animals


def test_a_training_calibrates_its_detector_and_says_so(tmp_path: Path, capfd: Any) -> None:
    training_sounds.need("tensorflow")
    data = training_sounds.write_folders(tmp_path / "data", per_class=6)
    config, out = tmp_path / "quick.toml", tmp_path / "quick.tflite"
    config.write_text(
        "[model]\nstem_filters = 4\nblocks = [[8, 2, 2], [8, 2, 2]]\ngru_units = 8\n"
        "[train]\nepochs = 2\nbatch = 8\nwindow_frames = 56\nwarmup_epochs = 1\n[augment]\ntime_mask_frames = 8\n"
        "[waveform]\nvariants = 1\n[negatives]\nuse = false\n[calibration]\ngenerated_s = 60.0\n"
    )
    assert cli.run(["train", "--data", str(data), "--config", str(config), "-o", str(out)]) == 0, capfd.readouterr()
    metadata = load_model(out).metadata
    calibration = metadata["calibration"]
    assert calibration["sources"] == ["generated sound", "shipped negatives"]
    assert calibration["events"] == "trained on"
    assert 60 / 3600 < calibration["hours"] < 0.5  # 60 s are generated, the others shipped
    assert [c["label"] for c in calibration["classes"]] == ["high_tone", "low_tone"]
    assert all(c["on"] >= 600 for c in metadata["detector"]["classes"])
    assert json.loads(out.with_suffix(".run.json").read_text())["calibration"] == calibration
    assert cli.run(["info", str(out)]) == 0
    said = capfd.readouterr().out.splitlines()[-1]
    # A network that has learned nothing in two epochs reaches no threshold, and the file does not claim a rate.
    assert all(c["attained"] is False for c in calibration["classes"])
    assert "not calibrated: 1 false alarm an hour was not attained on 0." in said
    assert "h of generated sound, shipped negatives: high_tone (" in said


def test_a_default_calibration_raises_thresholds_only_and_keeps_what_it_can_find(tmp_path: Path) -> None:
    said: list[str] = []
    before = load_model("home").metadata["detector"]
    entries = calibrate_trained(HOME, CalibrationSettings(generated_s=300.0), [], said.append)
    classes = entries["detector"]["classes"]
    assert all(now["on"] >= was["on"] for now, was in zip(classes, before["classes"], strict=True))
    assert all(now["off"] >= was["off"] for now, was in zip(classes, before["classes"], strict=True))
    assert entries["detector"]["pool_ms"] == before["pool_ms"]
    for one in entries["calibration"]["classes"]:
        named = any(one["label"] in line for line in said)
        assert named == (one.get("attained") is False)
        assert one["false"] <= 1 or named
    assert unreachable_in(HOME, {**load_model("home").metadata, "detector": entries["detector"]}) == []


def calibrated_on_scores(
    monkeypatch: pytest.MonkeyPatch, events: list[int], false: int, files: list[LabelledFile], after: int = 1
) -> tuple[dict[str, Any], list[str]]:
    """Calibrate the first label of home: its recordings score so, and of 60 others, half an hour, so many fire.

    Those score 15 above the threshold. after: the score of the recordings once their sound has ended. Returns what the
    file says of the label, with its thresholds as `rule`, and what was said.
    """
    listener = Listener(HOME)
    one = listener.metadata["detector"]["classes"][0]
    # Private: logits are made here as the network's file quantises them, which only its stream knows.
    (scale, zero), labels = listener._stream.scores_quant, len(listener.labels)

    def logit(score: int) -> int:
        return max(-128, round(np.log(score / (1000 - score)) / scale) + zero)

    def heard(score: int, seconds: float, claims: list[Claim]) -> HeardRecording:
        logits = np.full((60, labels), -128, np.int8)
        logits[20:40, 0] = logit(score)
        logits[40:, 0] = logit(after if claims else 1)
        attention = np.zeros((60, listener.hear(np.zeros(RATE, np.int16)).attention.shape[1]), np.int8)
        return HeardRecording("", logits, attention, ends(60), claims, "", seconds)

    claims = [Claim(listener.labels[0], 0, 10 * RATE, over=int(ends(60)[39]) + RATE)]
    trained = [heard(score, 0.0, claims) for score in events]
    quiet = [heard(one["on"] + 15 if i < false else 1, 30.0, []) for i in range(60)]
    monkeypatch.setattr(by_default, "hear_generated", lambda *_: quiet)
    monkeypatch.setattr(by_default, "hear_held_back", lambda *_: [])
    # Private: no recordings have the scores that this needs.
    monkeypatch.setattr(by_default, "_hear_files", lambda *_: trained)
    said: list[str] = []
    entries = calibrate_trained(HOME, CalibrationSettings(), files, said.append)
    got = next(c for c in entries["calibration"]["classes"] if c["label"] == listener.labels[0])
    return {**got, "rule": entries["detector"]["classes"][0]}, said


@pytest.mark.parametrize(("loud", "silenced"), [(6, True), (3, False)])
def test_a_label_with_many_false_events_gives_up_recall_but_not_half_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, loud: int, silenced: bool
) -> None:
    paths = sorted(backgrounds(tmp_path / "own", 3, 6.0).iterdir())
    own = [LabelledFile(path, "background", 1, path.stem) for path in paths]
    on = load_model("home").metadata["detector"]["classes"][0]["on"]
    got, said = calibrated_on_scores(monkeypatch, [997] * loud + [on + 12] * (10 - loud), 12, own)
    if silenced:
        assert (got["false"], got["recall"], got["attained"]) == (0, 0.6, False)
        note = f"cannot be attained for {got['label']}: 0 in 0.50 h of other sound, with 6 of 10 recordings"
        assert any(note in line for line in said)
    else:
        assert (got["false"], got["recall"]) == (12, 1.0)
    assert any("by your own background, from 1 h of it on, and this data has 0.005 h" in line for line in said)


@pytest.mark.parametrize(("after", "off", "late"), [(1, None, 0.0), (350, 400, 0.0), (560, None, 1.0)])
def test_off_rises_until_events_end_with_their_sound_and_what_cannot_be_mended_is_said(
    monkeypatch: pytest.MonkeyPatch, after: int, off: int | None, late: float
) -> None:
    was = load_model("home").metadata["detector"]["classes"][0]
    got, said = calibrated_on_scores(monkeypatch, [990] * 10, 0, [], after)
    assert got["rule"] == {**was, "off": off or was["off"]}
    assert (got["recall"], got["late"]) == (1.0, late)
    words = "note: 10 of 10 events found in recordings trained on end more than 1 s after their sound"
    assert (words in said) is (late > 0)


def test_ends_are_late_by_what_the_firmware_makes_of_score_and_sound() -> None:
    # A burst of 2 s, and a score that stays up for 6 s after it; claims are over a second after it is heard no more.
    listener = Listener(HOME)
    rng = np.random.default_rng(4)
    pcm = rng.normal(0, 20, 20 * RATE)
    pcm[5 * RATE : 7 * RATE] *= 50
    label = listener.labels[1]
    heard = listener.hear(pcm.astype(np.int16), truth=[LabelledSpan(5.0, 7.0, label)])
    rule = {"on": 600, "off": 300, "min_ms": 0, "hold_ms": 500}
    scores = np.zeros((len(heard.ends), len(listener.labels)), np.int32)
    scores[(heard.ends > 5.2 * RATE) & (heard.ends < 13 * RATE), 1] = 900
    assert listener.late_ends([heard], [scores], 1, rule) == 0
    heard.levels = None
    assert listener.late_ends([heard], [scores], 1, rule) == 1
    assert listener.late_ends([heard], [scores], 0, rule) == 0
    assert listener.late_ends([heard], [scores], 1, {**rule, "on": 950}) == 0


@pytest.mark.parametrize(("false", "left"), [(2, 2), (3, 0)])
def test_a_threshold_rises_no_further_than_so_few_hours_can_tell(
    monkeypatch: pytest.MonkeyPatch, false: int, left: int
) -> None:
    # Recordings that were trained on, one logit above the false events: new ones would not all be found above those.
    on = load_model("home").metadata["detector"]["classes"][0]["on"] + 15
    score = round(1000 * on * np.e / (on * np.e + 1000 - on))
    got, _ = calibrated_on_scores(monkeypatch, [score] * 10, false, [])
    assert (got["false"], got["recall"]) == (left, 1.0)


def test_features_are_heard_as_the_sound_they_are_of() -> None:
    pcm = np.random.default_rng(0).normal(0, 1000, 3 * RATE).astype(np.int16)
    heard = Listener(HOME).hear(pcm)
    logits, attention = outputs_of(HOME, extract(pcm, FrontendSettings()))
    assert len(logits) == len(heard.logits) > 20
    assert np.array_equal(logits, heard.logits)
    assert np.array_equal(attention, heard.attention)


def test_held_back_negatives_are_heard_after_quiet_and_hold_no_label() -> None:
    listener = Listener(HOME)
    held = hear_held_back(HOME, listener)
    assert sum(h.sound_s for h in held) > 300
    assert not {h.kind for h in held} & set(listener.labels)
    lead = 3 * RATE // STEP - 1
    # Quiet is no event of any label.
    assert all(listener.pooled(h, 0)[:lead].max() < 500 for h in held[:5])


def test_home_keeps_the_rate_on_real_recordings_of_other_groups() -> None:
    if not (REAL / "MANIFEST.tsv").is_file():
        pytest.skip(f"no recordings in {REAL}: set SOUNDSDK_DATA")
    listener = Listener(HOME)
    groups: dict[tuple[str, str], list[HeardRecording]] = {}
    with (REAL / "MANIFEST.tsv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t") if r["part"] == "train"]
    for row in rows:
        # The other two may hold a siren or what sounds like a dog.
        if row["label"].startswith("neg_") and row["label"] not in ("neg_street_alerts", "neg_doglike"):
            pcm = audio_file.read(REAL / row["path"])
            heard = listener.hear(pcm, kind=row["label"], sound_s=len(pcm) / RATE, source=row["group"])
            groups.setdefault((row["label"], row["group"]), []).append(heard)
    halves: tuple[list[HeardRecording], list[HeardRecording]] = [], []
    for key in sorted(groups, key=lambda k: (k[0], -sum(h.sound_s for h in groups[k]), k[1])):
        # To the half that has less of the kind so far.
        sums = [sum(h.sound_s for h in half if h.kind == key[0]) for half in halves]
        halves[sums[1] < sums[0]].extend(groups[key])
    claimed = 0
    for chosen_on, other in (halves, halves[::-1]):
        hours = sum(h.sound_s for h in other) / 3600
        for rate in (0.5, 4.0, 8.0):
            choice = choose(listener, chosen_on, [], rate)
            for one, count in zip(choice.classes, false_in(choice, listener, other), strict=True):
                if one.attained and one.least_hours(rate) <= one.hours:
                    assert rate > 0.5  # which cannot be told from so little, and the verb says so
                    claimed += 1
                    assert poisson_interval(count)[0] / hours <= rate, (one, count, hours)
    assert claimed >= 8, claimed  # of 16


@pytest.mark.parametrize("rate", ["inf", "nan", "0", "-1"])
def test_a_rate_that_is_none_is_refused_and_the_detector_stays(rate: str, tmp_path: Path) -> None:
    copy = tmp_path / "home.tflite"
    copy.write_bytes(HOME)
    done = CliRunner().invoke(calibrate, [str(copy), "--max-fa-per-hour", rate, "--background", str(tmp_path)])
    assert done.exit_code != 0
    assert copy.read_bytes() == HOME


def test_the_end_of_a_sound_is_where_it_stands_out_no_more_and_rain_ends_with_its_recording() -> None:
    rng = np.random.default_rng(4)
    quiet = rng.normal(0, 30, 4 * RATE)
    bark = quiet.copy()
    bark[RATE : round(1.5 * RATE)] += rng.normal(0, 3000, RATE // 2)
    assert sound_end(bark.astype(np.int16), RATE) == pytest.approx(1.5 * RATE, abs=RATE // 50)
    assert sound_end(rng.normal(0, 3000, 4 * RATE).astype(np.int16), RATE) == 4 * RATE
    assert sound_end(np.zeros(40, np.int16), RATE) == 40


def scores_that_linger(logit: int) -> tuple[list[HeardRecording], list[HeardRecording]]:
    """Return quiet, and sounds after which the logit stays at so many sixteenths for five seconds."""
    rng = np.random.default_rng(7)
    quiet = [made(rng, 0.5, 2.0, 0.4) for _ in range(4)]
    steps = 120
    sounds = []
    for i in range(20):
        logits = np.full((steps, 1), -100, np.int8)
        logits[20:40, 0] = 110
        logits[40:80, 0] = logit
        at = ends(steps)
        claim = Claim("bell", int(at[19]), int(at[40]) + RATE)
        sounds.append(HeardRecording(f"s{i}", logits, np.zeros((steps, 0), np.int8), at, [claim]))
    return quiet, sounds


def test_a_choice_ends_events_with_their_sounds_where_a_low_off_would_not() -> None:
    listener = MadeListener()
    quiet, sounds = scores_that_linger(-3)
    choice = choose(listener, quiet, sounds, 20.0)
    lingering = listener.pooled(sounds[0], 0)[60, 0]
    assert choice.classes[0].recall == 1.0
    assert choice.classes[0].thresholds["off"] > lingering > 400
    assert choice.classes[0].late == 0.0
    assert choice.entry(["q"])["classes"][0]["late"] == 0.0


def with_sound(recording: HeardRecording) -> HeardRecording:
    """Give a recording the levels of a sound that is loud from its 20th step to its 40th, over steady noise."""
    pcm = np.random.default_rng(3).normal(0, 20, int(recording.ends[-1]))
    pcm[int(recording.ends[19]) : int(recording.ends[39])] *= 50
    heard = Listener(HOME).hear(pcm.astype(np.int16))
    assert len(heard.ends) == len(recording.ends)
    return replace(recording, levels=heard.levels)


def test_with_events_too_a_sound_that_falls_ends_its_event_and_a_high_score_costs_nothing() -> None:
    listener = MadeListener()
    # A score that stays near its peak, above every `off` that may be tried: by the score alone all events end late.
    quiet, sounds = scores_that_linger(100)
    alone = choose(listener, quiet, sounds, 20.0, pools=[0]).classes[0]
    assert (alone.recall, alone.late) == (1.0, 1.0)
    heard = [with_sound(one) for one in sounds]
    one = choose(listener, quiet, heard, 20.0, pools=[0]).classes[0]
    pooled = [listener.pooled(sound, 0) for sound in heard]
    assert (one.recall, one.late) == (1.0, 0.0)
    assert listener.late_ends(heard, pooled, 0, one.thresholds) == 0
    # Half of them have a sound that tells: the share is counted, one by one.
    mixed = choose(listener, quiet, [*heard[:10], *sounds[10:]], 20.0, pools=[0]).classes[0]
    assert (mixed.recall, mixed.late) == (1.0, 0.5)


def test_off_need_not_rise_where_the_sound_ends_events() -> None:
    listener = MadeListener()
    quiet, sounds = scores_that_linger(-3)
    lingering = listener.pooled(sounds[0], 0)[60, 0]
    choice = choose(listener, quiet, [with_sound(one) for one in sounds], 20.0, pools=[0])
    assert choice.classes[0].late == 0.0
    assert choice.classes[0].thresholds["off"] < lingering
