"""Training scenes: what is known in each frame, what recordings and a teacher add, and that a seed decides all."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from soundsdk.errors import DataError, ToolError
from soundsdk_sim.scenes import alarms, distractors, sirens
from soundsdk_train.datasets import UNKNOWN, LabelledFile
from soundsdk_train.mixtures import Material, mixture, read_material, scene_clips
from soundsdk_train.mixtures.material import LabelScores, MaterialClip, files_of
from soundsdk_train.mixtures.midi import midi_file, song
from soundsdk_train.mixtures.sounds import active, closed, make_event, make_front
from soundsdk_train.mixtures.synthetic import main, speech
from soundsdk_train.mixtures.truth import SceneTruth
from soundsdk_train.run_settings import FrontendSettings, RunSettings, SceneSettings
from soundsdk_train.scene_data import make_scenes

FRONTEND = FrontendSettings()
SYNTHETIC = SceneSettings(count=34, seconds=1.5, labels=["smoke_alarm", "siren"], weights=[1.0, 1.0])


def frame_at(seconds: float) -> int:
    """Return the frame whose window is centred nearest to a moment."""
    return round((seconds * 16000 - 256) / 256)


def write_noise(path: Path, seconds: float = 1.0, seed: int = 0) -> Path:
    soundfile = pytest.importorskip("soundfile")
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(int(16000 * seconds)), 16000)
    return path


def test_a_frame_is_present_unknown_or_absent_by_its_centre() -> None:
    truth = SceneTruth(["a", "b"], 5 * 16000)
    truth.mark_unknown("a", 16000, np.ones(32000, np.bool_))
    truth.mark_present("a", 24000, np.ones(8000, np.bool_))
    truth.mark_unknown("a", 24000, np.ones(8000, np.bool_))  # does not undo what is known
    truth.mark_present("b", 70000, np.ones(90000, np.bool_))  # beyond the end
    frames = truth.frames(300, FRONTEND)
    assert not frames[: frame_at(0.98), 0].any()
    assert (frames[frame_at(1.02) : frame_at(1.48), 0] == UNKNOWN).all()
    assert (frames[frame_at(1.52) : frame_at(1.98), 0] == 1).all()
    assert (frames[frame_at(2.02) : frame_at(2.98), 0] == UNKNOWN).all()
    assert not frames[frame_at(3.02) :, 0].any()
    assert (frames[frame_at(4.4) :, 1] == 1).all()


def test_pulses_of_an_alarm_are_present_and_its_pauses_are_unknown() -> None:
    made = alarms.alarm_sound(np.random.default_rng(3), 8.0, "piezo")
    assert len(made.spans) >= 4
    for (_, end), (start, _) in zip(made.spans, made.spans[1:], strict=False):
        assert 0.4 * 16000 < start - end < 1.7 * 16000
        assert not made.sound[end + 200 : start - 200].any()
    settings = replace(SYNTHETIC, seconds=8.0, labels=["smoke_alarm"], weights=[1.0], empty=0.0)
    seen = set()
    for seed in range(12):
        frames = mixture(np.random.default_rng(seed), Material(), settings)[1].frames(400, FRONTEND)[:, 0]
        seen |= set(np.unique(frames).tolist())
        for at in np.flatnonzero((frames[:-1] == 1) & (frames[1:] != 1)):
            assert frames[at + 1] == UNKNOWN  # an end is never known at once
    assert seen == {0, 1, UNKNOWN}


@pytest.mark.parametrize("kind", list(alarms.ALL_KINDS))
def test_each_kind_of_alarm_sounds_where_it_says_and_near_its_pitch(kind: str) -> None:
    for seed in range(6):
        made = alarms.alarm_sound(np.random.default_rng(seed), 4.0, kind)
        again = alarms.alarm_sound(np.random.default_rng(seed), 4.0, kind)
        assert np.array_equal(made.sound, again.sound)
        assert made.spans
        assert all(0 <= a < b <= len(made.sound) for a, b in made.spans)
        inside = np.concatenate([made.sound[a:b] for a, b in made.spans])
        assert np.sqrt(np.mean(inside**2)) > 0.05
        spectrum = np.abs(np.fft.rfft(inside))
        peak_hz = float(np.fft.rfftfreq(len(inside), 1 / 16000)[spectrum.argmax()])
        if kind != "horn":  # which is broad
            assert 400 < peak_hz < 620 if kind == "low" else 2000 < peak_hz < 4200
    with pytest.raises(ValueError, match="no such smoke alarm"):
        alarms.alarm_sound(np.random.default_rng(0), 4.0, "bell")


def test_sirens_of_any_kind_have_their_length_and_stay_finite() -> None:
    for seed in range(20):
        sound = sirens.any_siren(np.random.default_rng(seed), 2.5)
        assert len(sound) == 40000
        assert np.isfinite(sound).all()
        assert np.abs(sound[8000:-8000]).max() > 1e-3
        assert np.array_equal(sound, sirens.any_siren(np.random.default_rng(seed), 2.5))


def test_scenes_depend_on_the_seed_and_not_on_the_number_of_processes() -> None:
    one = scene_clips(SYNTHETIC, Material(), FRONTEND, seed=3, workers=1)
    two = scene_clips(SYNTHETIC, Material(), FRONTEND, seed=3, workers=2)
    other = scene_clips(replace(SYNTHETIC, count=2), Material(), FRONTEND, seed=4)
    assert [c.sha256 for c in one] == [c.sha256 for c in two]
    assert one[0].sha256 != other[0].sha256
    for clip in one:
        assert clip.features is not None
        assert clip.strong is not None
        assert clip.strong.shape == (len(clip.features), 2)
        for i, label in enumerate(SYNTHETIC.labels):
            assert (label in clip.labels) == bool((clip.strong[:, i] == 1).any())
    assert {label for clip in one for label in clip.labels} == {"smoke_alarm", "siren"}
    assert any(not clip.labels for clip in one)


def test_no_seed_fails_whatever_is_drawn() -> None:
    settings = replace(SYNTHETIC, seconds=2.0)
    noise = (1000 * np.random.default_rng(0).standard_normal(64000)).astype(np.int16)
    material = Material({}, {kind: [MaterialClip(noise, kind)] for kind in ("street", "speech", "music")})
    for seed in range(150):
        pcm, truth = mixture(np.random.default_rng([seed, 1]), material, settings)
        assert len(pcm) == 32000
        assert set(np.unique(truth.cells).tolist()) <= {0, 1, UNKNOWN}


def test_a_label_that_nothing_can_make_is_left_out(tmp_path: Path) -> None:
    settings = RunSettings()
    settings.scenes = SceneSettings(count=3, seconds=2.0)
    bark = LabelledFile(write_noise(tmp_path / "dog_bark" / "a.wav"), "dog_bark", 1, "a")
    rain = LabelledFile(write_noise(tmp_path / "rain" / "r.wav"), "rain", 1, "r")
    made = make_scenes([bark, rain], [], settings)
    assert made.labels == ["smoke_alarm", "siren", "dog_bark"]  # no recording of a baby
    assert len(made.clips) == 3
    assert set(made.sources) == {"a.wav", "r.wav"}
    settings.scenes.exclude = ["dog_bark"]
    assert make_scenes([bark, rain], [], settings).labels == ["smoke_alarm", "siren"]


def test_recordings_of_a_label_are_events_and_all_others_are_negatives(tmp_path: Path) -> None:
    for name in ("dog_bark/1.wav", "neg_street/2.wav", "neg_street/3.wav", "rain/4.wav"):
        write_noise(tmp_path / name, seed=len(name))
    (tmp_path / "MANIFEST.tsv").write_text("path\tgroup\nneg_street/2.wav\trecorder7\nneg_street/3.wav\trecorder7\n")
    material = read_material(files_of(tmp_path), ["dog_bark"])
    assert {k: len(v) for k, v in material.events.items()} == {"dog_bark": 1}
    assert {k: len(v) for k, v in material.negatives.items()} == {"street": 2, "rain": 1}
    assert {clip.group for clip in material.negatives["street"]} == {"recorder7"}
    settings = replace(SYNTHETIC, seconds=4.0, labels=["dog_bark"], weights=[1.0], empty=0.0)
    present = [(mixture(np.random.default_rng(i), material, settings)[1].cells == 1).any() for i in range(8)]
    assert sum(present) >= 6
    with pytest.raises(DataError, match="but those to exclude"):
        files_of(tmp_path, ["dog_bark", "neg_street", "rain"])


def test_what_a_teacher_hears_in_a_negative_is_unknown_and_a_clip_without_its_label_is_left_out(tmp_path: Path) -> None:
    heard = write_noise(tmp_path / "heard.wav", 3.0, 1)
    deaf = write_noise(tmp_path / "deaf.wav", 2.0, 2)
    street = write_noise(tmp_path / "street.wav", 3.0, 3)
    speech_file = write_noise(tmp_path / "speech.wav", 3.0, 4)

    def score(pcm: np.ndarray) -> LabelScores:
        values = np.zeros((len(pcm) // 16000, 1), np.float32)
        if len(pcm) == 48000:
            values[1] = 0.9  # the second from 1 s to 2 s
        return LabelScores(values, 1.0, 1.0)

    files = [
        LabelledFile(heard, "baby_cry", 1, "h"),
        LabelledFile(deaf, "baby_cry", 1, "d"),
        LabelledFile(street, "neg_street", 1, "s"),
        LabelledFile(speech_file, "neg_speech", 1, "p"),
    ]
    material = read_material(files, ["baby_cry"], score, trusted=["speech"])
    (cry,) = material.events["baby_cry"]
    assert not cry.masks["baby_cry"][16000:32000].any()
    assert cry.masks["baby_cry"][:16000].all()
    (noise,) = material.negatives["street"]
    assert noise.masks["baby_cry"][16000:32000].all()
    assert not noise.masks["baby_cry"][:16000].any()
    assert not material.negatives["speech"][0].masks


def test_unreadable_recordings_are_left_out_and_nothing_readable_is_an_error(tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    good = LabelledFile(write_noise(tmp_path / "good.wav"), "rain", 1, "g")
    assert read_material([good, LabelledFile(bad, "rain", 1, "b")], []).negatives.keys() == {"rain"}
    with pytest.raises(DataError, match="none of the 1 recordings"):
        read_material([LabelledFile(bad, "rain", 1, "b")], [])


def test_an_event_sounds_where_its_recording_is_loud() -> None:
    pcm = np.zeros(48000, np.int16)
    pcm[16000:24000] = (8000 * np.sin(np.arange(8000))).astype(np.int16)
    material = Material({"rustle": [MaterialClip(pcm, "one")]})
    for seed in range(10):
        event = make_event(np.random.default_rng(seed), "rustle", 5.0, material)
        if event is None:  # the drawn part was silent
            continue
        assert event.sounding.any()
        assert not (event.sounding & ~event.possible).any()
        loud = np.abs(event.sound) > 0.1
        assert loud[event.sounding].mean() > 0.5
    silent = Material({"rustle": [MaterialClip(np.zeros(16000, np.int16), "none")]})
    assert make_event(np.random.default_rng(0), "rustle", 5.0, silent) is None


@pytest.mark.parametrize("label", ["doorbell", "knock"])
def test_doorbells_and_knocks_are_known_from_their_second_sound_on(label: str) -> None:
    for seed in range(25):
        event = make_event(np.random.default_rng(seed), label, 5.0, Material())
        assert event is not None
        again = make_event(np.random.default_rng(seed), label, 5.0, Material())
        assert again is not None
        assert np.array_equal(event.sound, again.sound)
        assert event.sounding[0]
        assert len(event.sounding) == len(event.possible) == len(event.sound)
        assert not (event.sounding & ~event.possible).any()
        assert event.lead_s > 0.11  # the shortest gap between two blows
    settings = replace(SYNTHETIC, seconds=6.0, labels=[label], weights=[1.0], empty=0.0)
    known = [(mixture(np.random.default_rng(i), Material(), settings)[1].cells == 1).any() for i in range(12)]
    assert sum(known) >= 6


def test_sounds_in_front_that_only_some_runs_have_come_with_their_weights() -> None:
    plain = replace(SYNTHETIC, seconds=3.0, empty=1.0)
    named = replace(plain, front={"impacts": 1e6, "no_such_kind": 5.0})
    for seed in range(3):
        usual, _ = mixture(np.random.default_rng(seed), Material(), plain)
        with_impacts, truth = mixture(np.random.default_rng(seed), Material(), named)
        assert not np.array_equal(usual, with_impacts)
        assert not truth.cells.any()
    for kind in ("alarms", "bells", "impacts"):
        sound, masks = make_front(np.random.default_rng(2), kind, Material(), ["doorbell"])
        assert len(sound) > 8000
        assert set(masks) == ({"doorbell"} if kind == "bells" else set())
        assert not make_front(np.random.default_rng(2), kind, Material(), ["knock"])[1]


def test_of_the_first_notes_of_a_tune_no_doorbell_is_learned_and_of_the_rest_that_there_is_none() -> None:
    for seed in range(6):
        sound, masks = make_front(np.random.default_rng(seed), "bells", Material(), ["doorbell", "knock"])
        assert len(sound) >= 3 * 16_000
        first_s = masks["doorbell"].sum() / 16_000
        assert masks["doorbell"][0]
        assert 0.5 < first_s < 1.0


def test_a_doorbell_is_no_distractor_of_scenes_that_label_doorbells(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(rng: np.random.Generator, n: int) -> np.ndarray:
        raise AssertionError("a doorbell without a label")

    monkeypatch.setitem(distractors.BEEPS, "doorbell", made)
    for seed in range(60):
        make_front(np.random.default_rng(seed), "distractor", Material(), ["doorbell", "knock"])


def test_a_doorbell_may_be_a_distractor_of_other_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setitem(distractors.BEEPS, "doorbell", lambda rng, n: made.append(n) or np.ones(n))
    for seed in range(60):
        make_front(np.random.default_rng(seed), "distractor", Material(), ["siren"])
    assert made


def test_sounds_in_front_are_never_of_a_label_to_learn() -> None:
    for seed in range(40):
        sound, masks = make_front(np.random.default_rng(seed), "generated", Material(), ["doorbell", "speech"])
        assert not masks
        assert np.isfinite(sound).all()
    sound, _ = make_front(np.random.default_rng(1), "children", Material(), [])
    assert len(sound) >= 16000


def test_gaps_are_closed_up_to_their_length_and_no_further() -> None:
    mask = np.array([0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 0], np.bool_)
    assert closed(mask, 2).astype(int).tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0]
    assert closed(mask, 3).astype(int).tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    sound = np.concatenate([np.full(5120, 1e-4), np.sin(np.arange(5120)), np.full(5120, 1e-4)])
    loud = active(sound)
    assert loud[5200:10200].all()
    assert not loud[:5100].any()


def test_a_song_is_a_midi_file_of_its_length_and_every_note_ends() -> None:
    messages = song(np.random.default_rng(5), 8.0, 2.0)
    assert min(at for at, _ in messages) >= 2.0
    assert max(at for at, _ in messages) <= 10.01
    on = {m[1] for _, m in messages if m[0] >> 4 == 9}
    off = {m[1] for _, m in messages if m[0] >> 4 == 8}
    assert on
    assert on <= off
    data = midi_file(messages)
    assert data[:4] == b"MThd"
    assert data[14:18] == b"MTrk"
    assert int.from_bytes(data[18:22], "big") == len(data) - 22
    assert data.endswith(b"\x00\xff\x2f\x00")


# Stand-ins for the two programs: a second of noise where the real ones write what they render.
PROGRAM = """#!{python}
import sys, wave, random
arguments = sys.argv[1:]
flag = "-F" if "fluidsynth" in sys.argv[0] else "-w"
seconds = 18 if flag == "-F" else 1
with wave.open(arguments[arguments.index(flag) + 1], "wb") as out:
    out.setnchannels(1); out.setsampwidth(2); out.setframerate(16000)
    out.writeframes(random.Random(1).randbytes(32000 * seconds))
with open({log!r}, "a") as log:
    log.write(" ".join(arguments) + "\\n")
"""


def test_music_and_speech_are_made_by_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log.txt"
    for name in ("fluidsynth", "espeak-ng"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(PROGRAM.format(python=sys.executable, log=str(log)))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    soundfont = tmp_path / "general.sf2"
    soundfont.write_bytes(b"RIFF")
    made = CliRunner().invoke(
        main, [str(tmp_path / "made"), "--songs", "2", "--phrases", "3", "--barks", "4", "--soundfont", str(soundfont)]
    )
    assert made.exit_code == 0, made.output
    assert len(list((tmp_path / "made" / "neg_synthetic_music").glob("*.flac"))) == 2
    assert len(list((tmp_path / "made" / "neg_synthetic_speech").glob("*.flac"))) == 3
    rendered, *spoken = log.read_text().splitlines()
    assert rendered.startswith("-ni -g 0.5 -r 16000 -F ")
    assert len(spoken) == 3
    assert all("-v " in line and "-p " in line for line in spoken)
    material = files_of(tmp_path / "made")
    assert {item.label for item in material} == {"neg_synthetic_music", "neg_synthetic_speech", "dog_bark"}
    dogs = [item for item in material if item.label == "dog_bark"]
    assert len(dogs) == 4
    assert {item.source for item in dogs} == {"synthetic barks"}  # one group, beside those of real dogs


def test_a_program_that_is_missing_or_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = CliRunner().invoke(main, [str(tmp_path / "made")])
    assert isinstance(missing.exception, ToolError)
    assert "fluidsynth is not installed" in missing.exception.message
    broken = tmp_path / "espeak-ng"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(DataError, match="espeak-ng failed"):
        speech(np.random.default_rng(1), 1)
