"""The notebook of the examples: it runs with soundsdk as it is, and shows what such a run shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from training_sounds import need

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "first_detector.ipynb"
QUICK = ROOT / "release" / "quick.toml"


def _printed(cell: Any) -> str:
    return "".join("".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream")


def _kinds(cell: Any) -> list[str]:
    return sorted({key for output in cell["outputs"] for key in output.get("data", ())})


def _code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_kept_run_is_whole_and_found_the_sounds() -> None:
    kept = _code(json.loads(NOTEBOOK.read_text()))
    assert [cell["execution_count"] for cell in kept] == list(range(1, len(kept) + 1))
    text = "".join(_printed(cell) for cell in kept)
    assert "Traceback" not in text
    assert text.count("found at ") == 2
    assert "\x1b" not in text
    assert "100%" not in text  # bars of progress are gone in the end, and wrote over no note
    assert "note: 1 false alarm an hour" in text
    assert "found at -" not in text
    assert "every byte of its outputs is the same" in text
    assert not any(place in NOTEBOOK.read_text() for place in ("/home/", "/root", "/tmp/", "/Users/"))


def test_what_a_terminal_shows_in_the_end_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nbclient", reason="the dev extra is not installed")
    monkeypatch.syspath_prepend(str(ROOT / "release"))
    from run_notebook import on_screen

    bar = "a\r\n\x1b[?25l\x1b[2K\x1b[31m10 %\x1b[0m\r\x1b[2K90 %\n50 %\r\x1b[2K\x1b[1A\x1b[2K\x1b[?25hdone\n"
    assert on_screen(bar) == "a\ndone\n"
    assert on_screen("12345\rab\x1b[K\n6") == "ab\n6"
    assert on_screen("plain\n") == "plain\n"


def test_the_notebook_runs_with_soundsdk_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("tensorflow")
    pytest.importorskip("nbclient", reason="the dev extra is not installed")
    pytest.importorskip("ipykernel", reason="the dev extra is not installed")
    monkeypatch.syspath_prepend(str(ROOT / "release"))
    import run_notebook

    for name in ("SOUNDSDK_CACHE", "COLUMNS"):
        monkeypatch.setenv(name, "set by run()")  # and put back as it was afterwards
    (tmp_path / "quick.toml").write_text(QUICK.read_text(encoding="utf-8"), encoding="utf-8")
    done = _code(run_notebook.run(NOTEBOOK, tmp_path, "--from none --config quick.toml"))
    kept = _code(json.loads(NOTEBOOK.read_text()))
    assert [_kinds(cell) for cell in done] == [_kinds(cell) for cell in kept]
    assert [bool(_printed(cell)) for cell in done] == [bool(_printed(cell)) for cell in kept]
    assert (tmp_path / "scene.png").stat().st_size > 1000
    events = (tmp_path / "events.jsonl").read_text().splitlines()
    assert all(json.loads(line)["type"] for line in events)
