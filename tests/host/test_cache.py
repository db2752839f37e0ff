"""Two processes in one folder of the cache take turns, and one that dies leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from soundsdk.boards import find_board
from soundsdk.build import builder, make, region, sources, toolchain
from soundsdk.cache import BusyError, CacheError, cache_dir, locked, new_folder
from soundsdk.models.shipped import load_model
from waiting import PATIENCE_S

pytest.importorskip("fcntl")

_HOLD = """
import sys
from pathlib import Path
from soundsdk.cache import locked
with locked(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Start another process that holds the lock of a folder until its standard input ends."""
    words = [sys.executable, "-c", _HOLD, str(folder)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_waits_says_so_and_goes_on(tmp_path: Path) -> None:
    process = holder(tmp_path / "work")
    said: list[str] = []

    def say(sentence: str) -> None:
        said.append(sentence)
        assert process.poll() is None, "the other one is still in the folder"
        threading.Timer(0.2, process.communicate).start()

    with locked(tmp_path / "work", say):
        assert len(said) == 1
        process.wait(timeout=PATIENCE_S)
    assert "waiting for another soundsdk" in said[0]


def test_the_wait_is_bounded(tmp_path: Path) -> None:
    process = holder(tmp_path / "work")
    try:
        with pytest.raises(BusyError, match="another soundsdk"), locked(tmp_path / "work", print, timeout_s=0.3):
            pytest.fail("two processes are in the folder")
        with locked(tmp_path / "other", pytest.fail):
            pass
    finally:
        process.communicate(timeout=PATIENCE_S)


def test_a_process_that_dies_leaves_the_folder_free(tmp_path: Path) -> None:
    process = holder(tmp_path / "work")
    process.kill()
    process.wait()
    with locked(tmp_path / "work", pytest.fail, timeout_s=PATIENCE_S):
        pass


def test_one_folder_by_two_names_is_one(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "name").symlink_to(tmp_path / "work")
    process = holder(tmp_path / "work")
    try:
        with pytest.raises(BusyError), locked(tmp_path / "name", print, timeout_s=0.1):
            pytest.fail("two processes are in the folder")
    finally:
        process.communicate(timeout=PATIENCE_S)


def test_builds_of_a_board_at_the_same_time_take_turns_and_each_gets_its_own_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sources, "fetch", lambda *args: sources.Sources(tmp_path, tmp_path, "key"))
    monkeypatch.setattr(toolchain, "check", lambda board: None)
    monkeypatch.setattr(toolchain, "version", lambda board: "1")
    inside: list[int] = []
    most: list[int] = []

    def run(board: object, source: object, holds: Path, folder: Path) -> Path:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.5)
        (folder / "micropython").write_bytes(region.empty("unix", "0.1.0", 1 << 20).ljust(1 << 20, b"\0"))
        inside.pop()
        return folder / "micropython"

    monkeypatch.setattr(make, "compile_firmware", run)
    detectors = [load_model("home"), load_model("esc10"), load_model("home")]
    made: dict[int, builder.BuiltImage] = {}

    def build(i: int) -> None:
        made[i] = builder.build_image(find_board("unix"), detectors[i], None, tmp_path / str(i), print)

    threads = [threading.Thread(target=build, args=(i,)) for i in range(len(detectors))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE_S)
    assert set(most) == {1}
    assert made[0].sha256 == made[2].sha256 != made[1].sha256
    for i, detector in enumerate(detectors):
        held = region.find((tmp_path / str(i) / "unix").read_bytes())
        assert held is not None
        assert held.detector == detector.data


def test_the_cache_folder_is_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "a" / ".." / "cache"))
    assert cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("SOUNDSDK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "soundsdk"


def test_a_new_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), new_folder(tmp_path / "made") as work:
        (work / "half").with_name("none").joinpath("file").touch()
    assert not list(tmp_path.iterdir())
    with new_folder(tmp_path / "made") as work:
        (work / "file").write_text("first")
        assert not (tmp_path / "made").exists()
    with new_folder(tmp_path / "made") as work:  # another process was faster: its folder stays
        (work / "file").write_text("second")
    assert (tmp_path / "made" / "file").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_cache_that_cannot_be_made_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "file"))
    for use in (locked(cache_dir() / "a", print), new_folder(cache_dir() / "b")):
        with pytest.raises(CacheError, match="cannot be made") as refused, use:
            pass
        assert "SOUNDSDK_CACHE" in refused.value.hint
