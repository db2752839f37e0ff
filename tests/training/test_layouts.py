"""Folders of recordings as users have them: what is found in each, and what is said of those that hold nothing."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import odd_folders
import pytest
import soundfile
from odd_folders import CLASSES, RATE, classes, esc, put, table, urbansound8k

from soundsdk.errors import DataError
from soundsdk_train.datasets import Dataset, add_backgrounds, label_name, scan, split

APPLE_DOUBLE = b"\0\5\x16\7\0\2\0\0Mac OS X        " + b"\0" * 60


def counts(dataset: Dataset) -> dict[str, int]:
    return dict(Counter(r.label for r in dataset.recordings))


def folds(dataset: Dataset) -> dict[int, int]:
    return dict(Counter(r.fold for r in dataset.recordings))


# ---- what systems leave in folders


@pytest.mark.parametrize(
    "leftovers",
    [
        ["beep/._beep0.wav", "beep/.DS_Store", ".DS_Store"],
        ["__MACOSX/beep/._beep0.wav", "__MACOSX/._x"],
        ["beep/Thumbs.db", "beep/desktop.ini", "System Volume Information/x.wav", "$RECYCLE.BIN/y.wav"],
        [".Trash-1000/files/a.wav", "lost+found/b.wav", ".ipynb_checkpoints/c.wav", "beep/.nfs0001.wav"],
        ["@eaDir/beep0.wav/x.wav", "beep/@eaDir/beep0.wav", "#recycle/old.wav"],
        [".git/objects/a.wav", "beep/__pycache__/a.wav", ".Spotlight-V100/a.wav"],
    ],
)
def test_what_systems_leave_is_no_recording_and_no_class(tmp_path: Path, leftovers: list[str]) -> None:
    root = classes(tmp_path / "data")
    for name in leftovers:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(APPLE_DOUBLE)
    found = scan(root)
    assert counts(found) == dict.fromkeys(CLASSES, 5)
    assert found.leftovers > 0
    assert found.passed_over == []


def test_a_broken_link_is_passed_over_and_named_and_a_loop_ends(tmp_path: Path) -> None:
    root = classes(tmp_path / "data")
    (root / "beep" / "gone.wav").symlink_to(tmp_path / "nothing.wav")
    (root / "loop").symlink_to(root)
    found = scan(root)
    assert counts(found) == dict.fromkeys(CLASSES, 5)
    assert [(p.name, reason) for p, reason in found.passed_over] == [("gone.wav", "a link to a file that is not there")]


def test_a_folder_of_another_disk_counts_as_a_class(tmp_path: Path) -> None:
    root = classes(tmp_path / "data", ("beep",))
    classes(tmp_path / "elsewhere", ("x",), 3)
    (root / "warble").symlink_to(tmp_path / "elsewhere" / "x")
    assert counts(scan(root)) == {"beep": 5, "warble": 3}


# ---- parts of a split


@pytest.mark.parametrize(
    ("parts", "test_fold"),
    [
        (("train", "test"), 3),
        (("Training", "Testing"), 3),
        (("train", "val", "test"), 3),
        (("train", "validation"), 2),
        (("training", "evaluation"), 3),
        (("fold1", "fold2", "fold3"), None),
        (("fold_1", "Fold 2", "fold-10"), None),
    ],
)
def test_folders_of_a_split_are_the_split_and_no_class(
    tmp_path: Path, parts: tuple[str, ...], test_fold: int | None
) -> None:
    for i, part in enumerate(parts):
        classes(tmp_path / "data" / part, count=8 - 2 * i)
    found = scan(tmp_path / "data")
    assert found.labels == sorted(CLASSES)
    assert sorted(folds(found).values(), reverse=True) == [24 - 6 * i for i in range(len(parts))]
    assert found.test_fold == test_fold
    train, test = split(found, found.test_fold or found.folds[-1])
    assert train
    assert test, "files of one name in two parts are two recordings"


def test_backgrounds_beside_the_parts_are_to_train_on(tmp_path: Path) -> None:
    for part in ("train", "test"):
        classes(tmp_path / part, ("beep",))
    classes(tmp_path, ("background",))
    found = scan(tmp_path)
    assert found.labels == ["background", "beep"]
    assert {r.fold for r in found.recordings if r.label == "background"} == {1}


def test_train_is_a_class_among_others(tmp_path: Path) -> None:
    """The sound of trains: only where every folder is a part of a split are they one."""
    assert scan(classes(tmp_path, ("train", "airplane", "car"))).labels == ["airplane", "car", "train"]


def test_an_export_of_edge_impulse_has_its_labels_in_the_names(tmp_path: Path) -> None:
    for part, count in (("training", 4), ("testing", 2)):
        for label in CLASSES:
            for i in range(count):
                put(tmp_path / part / f"{label}.{i:02d}abc.wav")
    found = scan(tmp_path)
    assert counts(found) == dict.fromkeys(CLASSES, 6)
    assert (folds(found), found.test_fold) == ({1: 12, 3: 6}, 3)


def test_its_list_of_labels_says_more_than_the_names(tmp_path: Path) -> None:
    put(tmp_path / "training" / "recording.1abc.wav")
    put(tmp_path / "training" / "other.2abc.wav")
    listed = [{"path": "training/recording.1abc.wav", "label": {"type": "label", "label": "Door Bell"}}]
    (tmp_path / "info.labels").write_text(json.dumps({"version": 1, "files": listed}))
    assert counts(scan(tmp_path)) == {"door_bell": 1, "other": 1}


# ---- tables


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"encoding": "utf-8-sig"},
        {"encoding": "utf-16"},
        {"ends": "\r\n"},
        {"ends": "\n\n"},
        {"delimiter": ";"},
        {"delimiter": "\t"},
        {"header": lambda name: f" {name} "},
        {"header": str.upper},
        {"number": lambda value: f"{value}.0"},
        {"named": str.upper},
        {"named": lambda name: f"..\\audio\\{name}"},
        {"named": lambda name: f"../../elsewhere/audio/{name}"},
        {"named": lambda name: f"C:\\Users\\me\\ESC-50\\audio\\{name}"},
        {"named": lambda name: f" {name} "},
        {"named": lambda name: name.removesuffix(".wav")},
        {"named": lambda name: name.replace(".wav", ".ogg")},
        {"table": "esc50.csv", "audio": "audio/audio"},
        {"table": "ESC-50-master/meta/esc50.csv", "audio": "ESC-50-master/audio"},
        {"table": "esc50.csv", "audio": "."},
        {"encoding": "utf-8-sig", "delimiter": ";", "ends": "\r\n", "number": lambda value: f"{value}.0"},
    ],
    ids=lambda how: "-".join(how) or "plain",
)
def test_esc50_is_read_however_its_table_was_saved_and_wherever_it_lies(tmp_path: Path, how: dict[str, Any]) -> None:
    found = scan(esc(tmp_path / "data", **how))
    assert (found.layout, found.labels) == ("esc", list(CLASSES))
    assert counts(found) == dict.fromkeys(CLASSES, 6)
    assert folds(found) == {1: 6, 2: 6, 3: 6}
    assert all(r.path.is_file() for r in found.recordings)
    assert found.passed_over == []


def test_recordings_that_a_table_names_but_that_are_not_there_are_passed_over(tmp_path: Path) -> None:
    found = scan(esc(tmp_path, missing=1))
    assert counts(found) == dict.fromkeys(CLASSES, 5)
    assert Counter(reason for _, reason in found.passed_over) == {"named in esc50.csv but not there": 3}


def test_a_table_of_which_no_recording_is_there_is_an_error(tmp_path: Path) -> None:
    root = esc(tmp_path / "data")
    shutil.rmtree(root / "audio")
    with pytest.raises(DataError, match=r"none of the recordings that .*esc50\.csv names"):
        scan(root)


@pytest.mark.parametrize(
    ("csv_path", "audio"),
    [
        ("metadata/UrbanSound8K.csv", "audio/"),
        ("UrbanSound8K.csv", ""),
        ("UrbanSound8K/metadata/UrbanSound8K.csv", "UrbanSound8K/audio/"),
        ("urbansound8k/UrbanSound8K.csv", "urbansound8k/"),
    ],
)
def test_urbansound8k_is_found_at_its_usual_depths(tmp_path: Path, csv_path: str, audio: str) -> None:
    found = scan(urbansound8k(tmp_path, csv_path, audio))
    assert (found.layout, found.labels) == ("urbansound8k", ["air_conditioner", "car_horn", "dog_bark"])
    assert folds(found) == dict.fromkeys(range(1, 11), 3)
    assert all(f"fold{r.fold}" in r.path.parts for r in found.recordings)


def test_of_equal_names_in_two_folds_each_is_its_own(tmp_path: Path) -> None:
    for fold in (1, 2):
        put(tmp_path / "audio" / f"fold{fold}" / "7-0-0.wav")
    rows = [["7-0-0.wav", "7", str(fold), "3", "dog_bark"] for fold in (1, 2)]
    table(tmp_path / "UrbanSound8K.csv", ["slice_file_name", "fsID", "fold", "classID", "class"], rows)
    assert [(r.fold, r.path.parent.name) for r in scan(tmp_path).recordings] == [(1, "fold1"), (2, "fold2")]


@pytest.mark.parametrize(
    ("header", "ending"), [(("ID", "Class"), ""), (("fname", "label"), ".wav"), (("path", "primary_label"), ".wav")]
)
def test_a_table_of_kaggle_says_what_its_files_hold(tmp_path: Path, header: tuple[str, str], ending: str) -> None:
    rows = []
    for i in range(12):
        put(tmp_path / "audio_train" / f"{i:04d}.wav")
        rows.append([f"{i:04d}{ending}", ("Siren", "Dog bark")[i % 2]])
    put(tmp_path / "audio_test" / "9999.wav")
    table(tmp_path / "train.csv", header, rows)
    table(tmp_path / "sample_submission.csv", header[:1], [["9999"]])
    found = scan(tmp_path)
    assert (found.layout, counts(found)) == ("table", {"siren": 6, "dog_bark": 6})
    assert len(found.folds) > 1
    assert [(p.name, reason) for p, reason in found.passed_over] == [("9999.wav", "in no row of the table")]


def test_a_column_of_parts_is_the_split(tmp_path: Path) -> None:
    rows = []
    for i in range(9):
        put(tmp_path / "clips" / f"{i}.wav")
        rows.append([f"clips/{i}.wav", "bell", ("train", "train", "test")[i % 3]])
    table(tmp_path / "index.csv", ("file", "label", "split"), rows)
    found = scan(tmp_path)
    assert (folds(found), found.test_fold) == ({1: 6, 3: 3}, 3)


def test_a_table_that_says_something_else_does_not_hide_the_classes(tmp_path: Path) -> None:
    classes(tmp_path)
    table(tmp_path / "inventory.csv", ("file", "label"), [["invoice.pdf", "paid"]])
    table(tmp_path / "levels.csv", ("filename", "rms"), [["beep0.wav", "-20"]])
    assert (scan(tmp_path).layout, scan(tmp_path).labels) == ("folders", sorted(CLASSES))


def test_a_known_table_that_is_no_text_is_named(tmp_path: Path) -> None:
    root = esc(tmp_path)
    (root / "meta" / "esc50.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"esc50\.csv"):
        scan(root)


# ---- labels


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Dog bark", "dog_bark"),
        ("dog-bark", "dog_bark"),
        ("a, b \"c\" #1", "a_b_c_1"),
        ("Гудок", "гудок"),
        (unicodedata.normalize("NFD", "Türklingel"), "türklingel"),
        (unicodedata.normalize("NFC", "Türklingel"), "türklingel"),
        ("घंटी", "घंटी"),
        ("กริ่ง", "กริ่ง"),
        ("ＳＩＲＥＮ", "siren"),
        ("🔥 fire", "fire"),
        ("si\u200bren\ufeff", "siren"),
        ("_background_noise_", "background_noise"),
        ("🔥\ufe0f", ""),
        ("\u0301", ""),
        ("---", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_label_keeps_its_letters_and_their_marks(text: str, name: str) -> None:
    assert label_name(text) == name
    assert label_name(name) == name


@pytest.mark.parametrize("pair", [("Dog bark", "dog-bark"), ("Tür", unicodedata.normalize("NFD", "Tür") + " ")])
def test_folders_of_one_label_are_one_class_and_it_is_said(tmp_path: Path, pair: tuple[str, str]) -> None:
    found = scan(classes(tmp_path, (*pair, "noise")))
    label = label_name(pair[0])
    assert counts(found) == {label: 10, "noise": 5}
    assert sorted(found.labels) == sorted([label, "noise"])
    assert any(f"are one label, {label}" in note for note in found.notes)


@pytest.mark.parametrize(("name", "said"), [("🔥", "no letter"), ("!!!", "no letter"), ("a" * 80, "80 bytes in UTF-8")])
def test_what_gives_no_label_is_refused_and_the_folder_is_named(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        scan(classes(tmp_path, (name, "warble", "noise")))
    assert name in caught.value.message


def test_a_label_of_a_table_that_is_empty_names_its_line(tmp_path: Path) -> None:
    put(tmp_path / "a.wav")
    put(tmp_path / "b.wav")
    table(tmp_path / "index.csv", ("file", "label"), [["a.wav", "bell"], ["b.wav", "?"]])
    with pytest.raises(DataError, match=r"index\.csv, line 3, gives no label"):
        scan(tmp_path)


# ---- classes in folders


@pytest.mark.parametrize("wrapper", ["audio", "dataset/wav", "sounds-main", "Recordings"])
def test_a_folder_around_the_classes_is_no_class(tmp_path: Path, wrapper: str) -> None:
    classes(tmp_path / wrapper)
    assert scan(tmp_path).labels == sorted(CLASSES)


def test_one_class_with_folders_of_sessions_stays_one_class(tmp_path: Path) -> None:
    for session in ("monday", "tuesday"):
        put(tmp_path / "doorbell" / session / "a.wav")
    found = scan(tmp_path)
    assert (found.labels, len({r.source for r in found.recordings})) == (["doorbell"], 2)


def test_a_folder_that_holds_all_of_a_class_is_no_recording(tmp_path: Path) -> None:
    """All clips of a day would be takes of one recording, in one fold."""
    for i in range(8):
        put(tmp_path / "beep" / "2024-05-01" / f"b{i}.wav")
    classes(tmp_path, ("noise",))
    assert len({r.fold for r in scan(tmp_path).recordings if r.label == "beep"}) == 5


def test_files_beside_the_classes_are_passed_over_and_named(tmp_path: Path) -> None:
    classes(tmp_path)
    put(tmp_path / "test.wav")
    found = scan(tmp_path)
    assert counts(found) == dict.fromkeys(CLASSES, 5)
    assert [(p.name, reason) for p, reason in found.passed_over] == [("test.wav", "in no folder that says what it is")]


@pytest.mark.parametrize("make", ["flat", "archive"])
def test_what_is_in_no_folder_gets_a_hint(tmp_path: Path, make: str) -> None:
    if make == "flat":
        put(tmp_path / "beep_1.wav")
    else:
        (tmp_path / "sounds.zip").write_bytes(b"PK\3\4")
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert ("one folder per class" if make == "flat" else "Unpack sounds.zip") in caught.value.hint


def test_sounds_of_any_ending_and_codec_are_in_the_class(tmp_path: Path) -> None:
    classes(tmp_path, ("beep", "noise"), 2)
    sound = np.zeros(RATE, np.float32)
    soundfile.write(tmp_path / "beep" / "a.mp3", sound, RATE, format="MP3", subtype="MPEG_LAYER_III")
    soundfile.write(tmp_path / "beep" / "b.wav", sound, RATE, format="WAV", subtype="GSM610")
    soundfile.write(tmp_path / "beep" / "c.dat", sound, RATE, format="FLAC")
    assert counts(scan(tmp_path)) == {"beep": 5, "noise": 2}


def test_sixty_classes_of_two_clips_are_sixty_classes(tmp_path: Path) -> None:
    assert len(scan(classes(tmp_path, [f"c{i:02d}" for i in range(60)], 2)).labels) == 60


# ---- backgrounds from elsewhere


def test_backgrounds_from_elsewhere_are_one_class_in_all_folds(tmp_path: Path) -> None:
    found = scan(classes(tmp_path / "data", ("beep",)))
    for i in range(10):
        put(tmp_path / "house" / ("kitchen", "hall")[i % 2] / f"{i}.wav")
    add_backgrounds(found, (tmp_path / "house",))
    assert counts(found) == {"beep": 5, "background": 10}
    assert found.labels == ["beep", "background"]
    assert {r.fold for r in found.recordings if r.label == "background"} == {1, 2, 3, 4, 5}
    add_backgrounds(found, (tmp_path / "house",))
    assert counts(found)["background"] == 10, "each once"
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no"):
        add_backgrounds(found, (tmp_path / "empty",))


# ---- labels in time


def long_recording(path: Path, bursts: list[tuple[float, float]], seconds: float = 6.0) -> Path:
    """Write quiet with tones at the given times."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(round(seconds * RATE)) / RATE
    on = np.any([(begin <= t) & (t < end) for begin, end in bursts], axis=0)
    soundfile.write(path, (0.5 * np.sin(2 * np.pi * 1000 * t) * on).astype(np.float32), RATE)
    return path


Writer = Callable[[Path, list[tuple[float, float]]], None]


def audacity(path: Path, bursts: list[tuple[float, float]]) -> None:
    rows = [f"{begin:.6f}\t{end:.6f}\tDoor Bell\n" for begin, end in bursts]
    path.with_suffix(".txt").write_text("".join(rows))


def dcase(path: Path, bursts: list[tuple[float, float]]) -> None:
    rows = [f"{path.name}\t{begin:.3f}\t{end:.3f}\tDoor Bell\n" for begin, end in bursts]
    (path.parent / "metadata.tsv").write_text("filename\tonset\toffset\tevent_label\n" + "".join(rows))


@pytest.mark.parametrize("write", [audacity, dcase])
@pytest.mark.parametrize("place", ["take.wav", "recordings/take.wav", "door_bell/take.wav"])
def test_labels_in_time_give_events_and_backgrounds(tmp_path: Path, write: Writer, place: str) -> None:
    bursts = [(1.5, 2.0), (4.0, 5.0)]
    path = long_recording(tmp_path / place, bursts)
    write(path, bursts)
    found = scan(tmp_path)
    assert len({r.name for r in found.recordings}) == len(found.recordings)
    parts = sorted((r.part, r.label) for r in found.recordings if r.part)
    assert [part for part, label in parts if label == "door_bell"] == bursts
    assert [part for part, label in parts if label == "background"] == [(0.0, 1.25), (2.25, 3.75)]
    for recording in found.recordings:
        pcm = recording.read(RATE)
        begin, end = recording.part or (0, 0)
        assert abs(len(pcm) / RATE - (end - begin)) < 1e-3
        loud = float(np.abs(pcm).max()) > 1000
        assert loud == (recording.label == "door_bell")


def test_other_text_beside_a_sound_is_no_label(tmp_path: Path) -> None:
    classes(tmp_path, ("beep",))
    (tmp_path / "beep" / "beep0.txt").write_text("Recorded by me, in the kitchen.\nLicence: CC0\n")
    (tmp_path / "beep" / "beep1.txt").write_text("")
    found = scan(tmp_path)
    assert counts(found) == {"beep": 5}
    assert all(r.part is None for r in found.recordings)


def test_a_row_without_times_is_a_recording_without_events(tmp_path: Path) -> None:
    long_recording(tmp_path / "rec" / "quiet.wav", [])
    text = "filename\tonset\toffset\tevent_label\nquiet.wav\t\t\t\n"
    (tmp_path / "rec" / "events.tsv").write_text(text)
    (one,) = scan(tmp_path).recordings
    assert (one.label, one.part) == ("background", None)


def test_labels_beyond_the_end_of_a_sound_are_that_files_matter(tmp_path: Path) -> None:
    path = long_recording(tmp_path / "rec" / "a.wav", [(1, 2)])
    audacity(path, [(1.0, 2.0), (60.0, 61.0)])
    late = next(r for r in scan(tmp_path).recordings if r.part and r.part[0] > 50 and r.label == "door_bell")
    with pytest.raises(DataError, match=r"lasts 6\.00 s, but its labels go on to 61\.00 s"):
        late.read(RATE)


@pytest.mark.parametrize("onset", [1.7e9, 1e300])
def test_times_that_are_no_seconds_are_passed_over_at_once(tmp_path: Path, onset: float) -> None:
    """They are dates or numbers of samples; backgrounds up to there would fill the memory."""
    path = long_recording(tmp_path / "rec" / "a.wav", [(1, 2)])
    path.with_suffix(".txt").write_text(f"1.0\t2.0\tDoor Bell\n{onset}\t{2 * onset}\tDoor Bell\n")
    found = scan(tmp_path)
    assert counts(found)["door_bell"] == 1
    assert any("later than a day: times are in seconds" in reason for _, reason in found.passed_over)


@pytest.mark.parametrize("line", ["1,5\t2,5\tDoor Bell", "nan\tinf\tDoor Bell", "2.0\t1.0\tDoor Bell"])
def test_labels_that_cannot_be_used_are_named_with_their_line(tmp_path: Path, line: str) -> None:
    path = long_recording(tmp_path / "rec" / "a.wav", [(1, 2)])
    path.with_suffix(".txt").write_text(f"{line}\n")
    with pytest.raises(DataError, match=r"line 1 of .*a\.txt cannot be used"):
        scan(tmp_path)


def test_a_label_that_begins_before_its_sound_is_cut(tmp_path: Path) -> None:
    path = long_recording(tmp_path / "rec" / "a.wav", [(0, 2)])
    path.with_suffix(".txt").write_text("-1.0\t2.0\tDoor Bell\n")
    assert [r.part for r in scan(tmp_path).recordings if r.label == "door_bell"] == [(0.0, 2.0)]


def test_points_without_length_are_passed_over(tmp_path: Path) -> None:
    path = long_recording(tmp_path / "rec" / "a.wav", [(1, 2)])
    audacity(path, [(1.0, 2.0), (3.0, 3.0)])
    found = scan(tmp_path)
    assert counts(found)["door_bell"] == 1
    assert any("has no length" in reason for _, reason in found.passed_over)


def test_takes_of_one_recording_stay_on_one_side_of_a_split(tmp_path: Path) -> None:
    for i in range(12):
        audacity(long_recording(tmp_path / f"night{i}.wav", [(1, 2), (4, 5)]), [(1.0, 2.0), (4.0, 5.0)])
    found = scan(tmp_path)
    by_file = {r.path: {o.fold for o in found.recordings if o.path == r.path} for r in found.recordings}
    assert all(len(own) == 1 for own in by_file.values())
    assert len(found.folds) > 1


def test_the_makers_of_this_file_write_different_sounds(tmp_path: Path) -> None:
    files = [put(tmp_path / "a" / "x.wav"), put(tmp_path / "b" / "x.wav"), put(tmp_path / "a" / "y.wav")]
    assert len({path.read_bytes() for path in files}) == 3
    assert odd_folders.RATE == RATE
