"""The benchmark of few recordings: what it says before it trains anything, and its verdict."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "bench_few.py"
    spec = importlib.util.spec_from_file_location("bench_few", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "bench_few", module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Make the folders of the recordings that the benchmark looks for, with one class of ESC-10."""
    (tmp_path / "real" / "dev").mkdir(parents=True)
    folder = tmp_path / "esc10" / "009 - Rooster"
    folder.mkdir(parents=True)
    (folder / "1-100038-A.ogg").touch()
    return tmp_path


def run(bench: ModuleType, shared: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bench_few.py", "--shared", str(shared), *words])
    try:
        bench.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_a_mistyped_label_is_said_before_anything_is_trained(
    bench: ModuleType, shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "measure", lambda *_: pytest.fail("it was trained"))
    assert run(bench, shared, monkeypatch, "--labels", "rooster", "sneeze") == 2
    assert "there is no label sneeze. Known: doorbell, rooster." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("false", "code", "says"), [(2, 0, "kept: all that is promised"), (3, 6, "rooster, 10 clips, seed 1: 3 false")]
)
def test_check_gives_a_verdict_on_ten_clips(
    bench: ModuleType, shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    false: int, code: int, says: str,
) -> None:  # fmt: skip
    asked: list[int] = []

    def measure(shared: Path, label: str, clips: int, seed: int, options: list[str], minutes: float) -> object:
        asked.append(clips)
        return bench.FewClips(label, clips, seed, 8, 8, 7, false, 30.0, 60.0)

    monkeypatch.setattr(bench, "measure", measure)
    assert run(bench, shared, monkeypatch, "--check", "--labels", "rooster") == code
    assert asked == [10]
    assert says in capsys.readouterr().err


def test_without_the_recordings_it_says_that_it_was_skipped(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(bench, tmp_path, monkeypatch, "--check") == 0
    assert "skipped" in capsys.readouterr().err
