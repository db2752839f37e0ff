"""A detector that was measured is not lost to one that was not."""

from __future__ import annotations

import json
from pathlib import Path

from soundsdk_train.training_run import keep_measured

NEW = {"test_fold": None}


def _put(out: Path, data: bytes, record: object) -> None:
    out.write_bytes(data)
    out.with_suffix(".run.json").write_text(json.dumps(record))


def test_a_measured_detector_stays_under_another_name_each_time(tmp_path: Path) -> None:
    out, said = tmp_path / "bell.tflite", []
    for number, name in enumerate(("bell.previous", "bell.previous1")):
        _put(out, b"%d" % number, {"test_fold": 1, "int8": {"map": 1.0}})
        keep_measured(out, NEW, said.append)
        assert (tmp_path / f"{name}.tflite").read_bytes() == out.read_bytes() == b"%d" % number
        assert json.loads((tmp_path / f"{name}.run.json").read_text())["test_fold"] == 1
    assert [text.rpartition(" is ")[2] for text in said] == ["bell.previous.tflite now", "bell.previous1.tflite now"]


def test_what_was_not_measured_or_is_measured_again_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "bell.tflite"
    measured = {"test_fold": 2, "int8": {"map": 1.0}}
    keep_measured(out, NEW, _never)  # there is none
    for record, new in (
        (measured, {"test_fold": 2}),
        (NEW | {"int8": None}, NEW),
        ([1], NEW),
        ({"of": "another tool"}, NEW),
    ):
        _put(out, b"old", record)
        keep_measured(out, new, _never)
    out.with_suffix(".run.json").write_text("{")
    keep_measured(out, NEW, _never)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bell.run.json", "bell.tflite"]


def _never(text: str) -> None:
    raise AssertionError(text)
