"""A file is written whole or not at all, through links, into devices, and never in place of one."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from soundsdk import cli
from soundsdk.errors import OutputError
from soundsdk.whole_file import check_folder, check_writable, write_whole

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.is_char_device(), reason="this system has no /dev/full")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    write_whole(path, b"old")
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600
    path.chmod(0o640)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    write_whole(path, b"run", mode=0o755)
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert names(tmp_path) == ["m.tflite"]


def test_new_files_have_the_permissions_of_any_other(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path: Path, there: bool) -> None:
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "real.tflite"
    if there:
        target.write_bytes(b"old")
    (tmp_path / "second").symlink_to(target)
    (tmp_path / "first").symlink_to("second")
    check_writable(tmp_path / "first")
    write_whole(tmp_path / "first", b"new")
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "second").is_symlink()
    assert target.read_bytes() == b"new"
    assert names(tmp_path / "far") == ["real.tflite"]


def test_a_link_in_a_circle_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for action in (lambda path: write_whole(path, b"x"), check_writable):
        with pytest.raises(OutputError, match="a cannot be written: Too many levels of symbolic links"):
            action(tmp_path / "a")
    assert names(tmp_path) == ["a", "b"]


@needs_full
def test_a_full_device_is_an_error_and_stays_a_device(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(FULL)
    for path in (FULL, link):
        check_writable(path)
        with pytest.raises(OutputError, match="cannot be written: No space left on device"):
            write_whole(path, b"data")
    assert FULL.is_char_device()
    assert link.is_symlink()


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"x" * 300_000)
    reader.join(20)
    assert got == [b"x" * 300_000]
    assert pipe.is_fifo()


@pytest.mark.parametrize("call", ["write", "chmod", "replace"])
def test_whatever_fails_the_old_file_stays_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "m.tflite"
    write_whole(path, b"old")

    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        with pytest.raises(OutputError, match="No space left on device") as error:
            write_whole(path, b"new")
    assert error.value.exit_code == cli.EXIT_FAILED
    assert error.value.hint
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["m.tflite"]


def test_a_place_that_takes_no_file_is_found_out_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refused = [tmp_path / "file" / "out" / "m.tflite", tmp_path]
    refused += [Path("/proc/soundsdk/m.tflite")] if Path("/proc/self").is_dir() else []
    for path in refused:
        for action in (lambda path: write_whole(path, b"x", parents=True), lambda p: check_writable(p, parents=True)):
            with pytest.raises(OutputError, match="cannot be written"):
                action(path)
    with pytest.raises(OutputError, match="cannot be written"):
        check_folder(tmp_path / "file" / "folder")
    with pytest.raises(OutputError, match="No such file or directory"):
        check_writable(tmp_path / "new" / "m.tflite")
    check_writable(tmp_path / "new" / "deep" / "m.tflite", parents=True)
    check_folder(tmp_path / "new" / "folder")
    assert names(tmp_path) == ["file"]
    write_whole(tmp_path / "new" / "deep" / "m.tflite", b"x", parents=True)
    assert (tmp_path / "new" / "deep" / "m.tflite").read_bytes() == b"x"


def test_the_longest_name_that_a_file_can_have_is_written(tmp_path: Path) -> None:
    write_whole(tmp_path / ("n" * 255), b"x")
    assert names(tmp_path) == ["n" * 255]
