"""Continuous sound with its truth, and what a detector makes of it by the device's own code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundsdk.errors import DataError
from soundsdk.labels import LabelledSpan
from soundsdk_sim.scenes import make_scene
from soundsdk_sim.scenes.detection import detect
from soundsdk_train.evaluation.deployed import detect_events, score_recording
from soundsdk_train.evaluation.timeline import lay_out, read_with_truth

HOME = (Path(__file__).parents[2] / "firmware" / "models" / "home.tflite").read_bytes()
RATE = 16000


def home_settings() -> dict:
    import soundcore

    return json.loads(bytes(soundcore.Stream(HOME).metadata))["detector"]


def write(path: Path, seconds: float, level: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    soundfile.write(path, rng.normal(0, level, round(seconds * RATE)), RATE)


def test_events_from_stored_scores_are_those_of_the_firmware() -> None:
    scene = make_scene(11, 30.0)
    scored = score_recording(HOME, scene.pcm)
    assert scored.scores.shape == (len(scored.ends), 4)
    events = detect_events(scored, home_settings())
    direct = detect(HOME, scene.pcm)
    assert len(direct) > 0
    assert sorted((e.onset_s, e.offset_s, e.label, e.score) for e in events) == sorted(
        (e.onset_s, e.offset_s, e.label, e.score) for e in direct
    )
    assert all(e.reported_s > e.onset_s for e in events)


def test_events_from_stored_scores_end_with_their_sound() -> None:
    # A score that stays up after a burst of noise: the stored levels end the event, scores alone do not.
    rng = np.random.default_rng(1)
    pcm = rng.normal(0, 20, 20 * RATE)
    pcm[5 * RATE : 8 * RATE] *= 50
    scored = score_recording(HOME, pcm.astype(np.int16))
    scored.scores[:] = 0
    scored.scores[scored.ends > 5 * RATE, 1] = 999
    (event,) = detect_events(scored, home_settings())
    assert event.offset_s == pytest.approx(8.0, abs=0.2)
    scored.levels = None
    (event,) = detect_events(scored, home_settings())
    assert event.offset_s == pytest.approx(20.0)


def test_an_event_is_reported_when_its_shortest_duration_has_passed() -> None:
    scored = score_recording(HOME, np.zeros(10 * RATE, np.int16))
    scored.scores[:] = 0
    scored.scores[20:40, 1] = 1000
    begin, end = (scored.ends[20] - scored.step_samples) / RATE, (scored.ends[40] - scored.step_samples) / RATE
    rule = {"on": 500, "off": 200, "min_ms": 512, "hold_ms": 700}
    (event,) = detect_events(scored, {"classes": [rule] * 4})
    assert (event.label, event.onset_s, event.offset_s) == ("siren", pytest.approx(begin), pytest.approx(end))
    assert event.reported_s == pytest.approx(begin + 0.512)


def test_an_event_that_is_still_on_ends_with_the_recording() -> None:
    scored = score_recording(HOME, np.zeros(3 * RATE, np.int16))
    scored.scores[:] = 0
    scored.scores[10:, 2] = 900
    (event,) = detect_events(scored, home_settings())
    assert event.offset_s == pytest.approx(3.0)


def test_clips_lie_after_quiet_and_negatives_have_a_kind(tmp_path: Path) -> None:
    write(tmp_path / "siren" / "a.wav", 1.0)
    write(tmp_path / "neg_speech" / "b.wav", 2.0)
    write(tmp_path / "background" / "c.wav", 1.5)
    laid = {r.name: r for r in lay_out(tmp_path, ["siren"], lead_s=3.0)}
    siren = laid["siren/a.wav"]
    assert siren.truth == [LabelledSpan(3.0, 4.0, "siren")]
    assert (siren.kind, siren.sound_s) == ("", 1.0)
    quiet = siren.pcm[: 3 * RATE].astype(float)
    assert 20 * np.log10(np.sqrt(np.mean(quiet**2)) / 32768) == pytest.approx(-70, abs=0.3)
    assert np.abs(siren.pcm[3 * RATE : 4 * RATE]).max() > 5000
    assert laid["neg_speech/b.wav"].kind == "speech"
    assert laid["background/c.wav"].kind == "background"
    assert laid["background/c.wav"].truth == []
    again = {r.name: r for r in lay_out(tmp_path, ["siren"], lead_s=3.0)}
    assert all(np.array_equal(laid[name].pcm, again[name].pcm) for name in laid)


def test_the_quiet_can_be_a_background(tmp_path: Path) -> None:
    write(tmp_path / "siren" / "a.wav", 1.0)
    tone = np.arange(1000, dtype=np.int16)
    (laid,) = lay_out(tmp_path, ["siren"], lead_s=2.0, background=tone)
    steps = np.diff(laid.pcm[: 2 * RATE].astype(int))
    assert set(steps.tolist()) == {1, -999}


def test_unreadable_clips_are_reported_or_refused(tmp_path: Path) -> None:
    write(tmp_path / "siren" / "a.wav", 1.0)
    (tmp_path / "siren" / "b.wav").write_bytes(b"no sound")
    reasons: list[str] = []
    assert len(list(lay_out(tmp_path, ["siren"], on_unreadable=reasons.append))) == 1
    assert "b.wav" in reasons[0]
    with pytest.raises(DataError, match=r"b\.wav"):
        list(lay_out(tmp_path, ["siren"]))


def test_truth_is_read_from_tables_and_label_tracks(tmp_path: Path) -> None:
    one, two = tmp_path / "one.wav", tmp_path / "neg_music" / "two.wav"
    write(one, 4.0)
    write(two, 4.0)
    table = tmp_path / "truth.tsv"
    # DESED's other order of columns, and a row for a file without events.
    rows = ["siren\t1.0\t2.5\tone.wav", "drill\t0\t1\tone.wav", "\t\t\ttwo.wav"]
    table.write_text("\n".join(["event_label\tonset\toffset\tfilename", *rows]))
    first, second = read_with_truth([one, two], table, ["siren"])
    assert first.truth == [LabelledSpan(1.0, 2.5, "siren")]
    assert (second.truth, second.kind, second.sound_s) == ([], "music", 4.0)
    (tmp_path / "one.txt").write_text("0.5\t0.75\tsiren\n")
    (beside,) = read_with_truth([one], None, ["siren"])
    assert beside.truth == [LabelledSpan(0.5, 0.75, "siren")]


def test_sound_without_truth_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "one.wav", 1.0)
    with pytest.raises(DataError, match="nothing says what"):
        list(read_with_truth([tmp_path / "one.wav"], None, ["siren"]))
    table = tmp_path / "truth.tsv"
    table.write_text("filename\tonset\toffset\tevent_label\nother.wav\t0\t1\tsiren\n")
    with pytest.raises(DataError, match="names none of the recordings"):
        list(read_with_truth([tmp_path / "one.wav"], table, ["siren"]))
    table.write_text("filename\tonset\toffset\n")
    with pytest.raises(DataError, match="lacks one of the columns"):
        list(read_with_truth([tmp_path / "one.wav"], table, ["siren"]))


def test_a_table_may_name_files_by_path_or_without_suffix_and_labels_in_words(tmp_path: Path) -> None:
    files = [tmp_path / "day" / "a.wav", tmp_path / "night" / "a.wav", tmp_path / "b.wav"]
    for file in files:
        write(file, 2.0)
    table = tmp_path / "truth.tsv"
    rows = ["day/a.wav\t0.1\t0.2\tDog Bark", "night/a.wav\t0.3\t0.4\tdog_bark", "b\t0.5\t0.6\tdog bark"]
    table.write_text("\n".join(["filename\tonset\toffset\tevent_label", *rows]))
    read = list(read_with_truth(files, table, ["dog_bark"]))
    assert [r.truth[0] for r in read] == [
        LabelledSpan(0.1, 0.2, "dog_bark"), LabelledSpan(0.3, 0.4, "dog_bark"), LabelledSpan(0.5, 0.6, "dog_bark"),
    ]  # fmt: skip


def truth_of(folder: Path, *rows: str) -> Path:
    table = folder / "truth.tsv"
    table.write_text("\n".join(["filename\tonset\toffset\tevent_label", *rows]))
    return table


def test_labels_of_the_truth_are_compared_as_names_of_folders(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 2.0)
    (tmp_path / "a.txt").write_text("0.5\t1.0\tSmoke Alarm\n1.0\t1.5\t smoke-alarm\n")
    (read,) = read_with_truth([tmp_path / "a.wav"], None, ["smoke_alarm"])
    assert [s.label for s in read.truth] == ["smoke_alarm", "smoke_alarm"]
    table = truth_of(tmp_path, "a.wav\t0\t1\tSMOKE alarm")
    (read,) = read_with_truth([tmp_path / "a.wav"], table, ["smoke_alarm"])
    assert [s.label for s in read.truth] == ["smoke_alarm"]


@pytest.mark.parametrize("name", ["truth.tsv", "truth.txt", "a.txt", "a.tsv"])
def test_a_truth_of_which_the_model_knows_no_label_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path / "a.wav", 1.0)
    track, row = "0\t1\tSirène\n", "a.wav\t0\t1\tSirène"
    truth = tmp_path / name
    truth.write_text(track if name.endswith("txt") else f"filename\tonset\toffset\tevent_label\n{row}\n")
    with pytest.raises(DataError, match=rf"no label of .*{name} is one of the model's: sirène") as raised:
        list(read_with_truth([tmp_path / "a.wav"], truth if name.startswith("truth") else None, ["siren", "dog_bark"]))
    assert raised.value.hint == "sirène: did you mean siren? The model knows siren, dog_bark."


def test_labels_that_the_model_does_not_know_are_named(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write(tmp_path / name, 1.0)
    files, notes = [tmp_path / "a.wav", tmp_path / "b.wav"], list[str]()
    table = truth_of(tmp_path, "a.wav\t0\t1\tsiren", "b.wav\t0\t1\tspeech", "b.wav\t0\t1\tSirène")
    siren, speech = read_with_truth(files, table, ["siren"], on_note=notes.append)
    assert (len(siren.truth), speech.truth) == (1, [])
    assert notes == ["these labels of the truth are none of the model's: sirène, speech"]
    # Of a track of one recording it is clear what is meant, of a table of speech alone it is not.
    (tmp_path / "b.txt").write_text("0\t1\tSpeech\n")
    (alone,) = read_with_truth(files[1:], None, ["siren"], on_note=notes.append)
    assert alone.truth == []
    assert "model's: speech" in notes[-1]
    with pytest.raises(DataError, match="no label of"):
        list(read_with_truth(files[1:], truth_of(tmp_path, "b.wav\t0\t1\tspeech"), ["siren"]))


def test_a_recording_of_which_a_table_says_nothing_is_named(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        write(tmp_path / name, 1.0)
    files = [tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "c.wav"]
    with pytest.raises(DataError, match=r"says nothing about .*b\.wav, .*c\.wav\."):
        list(read_with_truth(files, truth_of(tmp_path, "a.wav\t0\t1\tsiren"), ["siren"]))
    read = list(read_with_truth(files, truth_of(tmp_path, "a.wav\t0\t1\tsiren", "b.wav\t\t\t", "c.wav"), ["siren"]))
    assert [len(r.truth) for r in read] == [1, 0, 0]
    (tmp_path / "a.tsv").write_text("filename\tonset\toffset\tevent_label\nother.wav\t0\t1\tsiren")
    with pytest.raises(DataError, match=r"a\.tsv says nothing about a\.wav"):
        list(read_with_truth(files[:1], None, ["siren"]))


def test_a_row_that_cannot_be_used_is_named_with_its_file(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 1.0)
    table = truth_of(tmp_path, "b.wav", "", "a.wav\t2\t1\tsiren")
    with pytest.raises(DataError, match=r"line 4 of .*truth\.tsv"):
        list(read_with_truth([tmp_path / "a.wav"], table, ["siren"]))
    (tmp_path / "a.txt").write_text("0\tsiren\n")
    with pytest.raises(DataError, match=r"line 1 of .*a\.txt"):
        list(read_with_truth([tmp_path / "a.wav"], None, ["siren"]))
