"""State on FAT: two numbered files with a CRC, one of which is whole whatever cuts the power."""

from __future__ import annotations

import itertools
import struct
from binascii import crc32

import pytest
from fake_flash import FakeFlash, PowerCut
from hypothesis import given
from hypothesis import strategies as st

from soundfw import FirmwareError, platform
from soundfw.storage import files, numbered_files


@pytest.fixture(params=[False, True], ids=["at once", "lazy"])
def flash(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeFlash:
    made = FakeFlash(request.param)
    made.install(lambda module, name, value: monkeypatch.setattr(module, name, value, raising=False))
    monkeypatch.setattr(numbered_files, "open", made.open, raising=False)
    monkeypatch.setattr(numbered_files, "os", made)
    monkeypatch.setattr(platform, "RENAMES_WHOLE", False)
    return made


def found(path: str) -> bytes | None:
    try:
        return bytes(files.read_written(path))
    except OSError:
        return None


@pytest.mark.parametrize("writes", [0, 1, 2, 3])
def test_a_cut_at_every_operation_leaves_the_old_contents_or_the_new(flash: FakeFlash, writes: int) -> None:
    before: bytes | None = None
    for i in range(writes):
        before = b'{"n":%d}' % i
        files.write("set.json", before)
    saved, begin = dict(flash.files), flash.operations
    files.write("set.json", b"the new contents")
    end = flash.operations
    assert found("set.json") == b"the new contents"
    assert end - begin >= 2
    seen = set()
    for cut in range(begin, end):
        flash.files, flash.operations, flash.cut_at = dict(saved), begin, cut
        with pytest.raises(PowerCut):
            files.write("set.json", b"the new contents")
        flash.power_on()
        assert found("set.json") in (before, b"the new contents")
        seen.add(found("set.json"))
        # And the board goes on from there.
        files.write("set.json", b"later")
        assert found("set.json") == b"later"
        assert len(flash.files) <= 2
    assert before in seen


def test_a_torn_or_foreign_file_does_not_count(flash: FakeFlash) -> None:
    files.write("a", b"one")
    files.write("a", b"two")
    whole = flash.files["a.2"]
    for i in range(len(whole)):
        flash.files["a.2"] = whole[:i]
        assert found("a") == b"one"
        flash.files["a.2"] = whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :]
        assert found("a") == b"one"
    flash.files["a.2"] = whole
    assert found("a") == b"two"


def test_the_file_that_somebody_puts_there_counts_until_the_next_write(flash: FakeFlash) -> None:
    flash.files["settings.json"] = b"edited"
    assert found("settings.json") == b"edited"
    files.write("settings.json", b"by the board")
    assert found("settings.json") == b"by the board"
    assert flash.files["settings.json"] == b"edited"
    flash.files["settings.json"] = b"edited again"
    assert found("settings.json") == b"edited again"
    files.write("settings.json", b"by the board again")
    assert found("settings.json") == b"by the board again"
    del flash.files["settings.json"]
    assert found("settings.json") is None


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_what_the_board_wrote_before_an_edit_does_not_come_back(flash: FakeFlash, writes: int) -> None:
    flash.files["settings.json"] = b"A"
    for i in range(writes):
        files.write("settings.json", b"board %d" % i)
    flash.files["settings.json"] = b"C"
    files.write("settings.json", b"board, after C")
    assert found("settings.json") == b"board, after C"
    flash.files["settings.json"] = b"A"
    assert found("settings.json") == b"A"


def test_an_empty_file_is_an_edit(flash: FakeFlash) -> None:
    files.write("settings.json", b"board")
    flash.files["settings.json"] = b""
    assert found("settings.json") == b""
    files.write("settings.json", b"board again")
    assert found("settings.json") == b"board again"
    del flash.files["settings.json"]
    assert found("settings.json") is None


def _numbered(number: int, contents: bytes) -> bytes:
    head = struct.pack("<4sII", b"sdk\1", number, 0)
    return head + struct.pack("<I", crc32(contents, crc32(head))) + contents


@pytest.mark.parametrize("name", ["x.1", "x.2"])
def test_after_the_highest_number_comes_1(flash: FakeFlash, name: str) -> None:
    flash.files[name] = _numbered(0xFFFFFFFF, b"old")
    saved, begin = dict(flash.files), flash.operations
    files.write("x", b"new")
    end = flash.operations
    for contents in (b"new", b"newer", b"newest"):
        files.write("x", contents)
        assert found("x") == contents
    for cut in range(begin, end):
        flash.files, flash.operations, flash.cut_at = dict(saved), begin, cut
        with pytest.raises(PowerCut):
            files.write("x", b"new")
        flash.power_on()
        assert found("x") in (b"old", b"new")
        files.write("x", b"later")
        assert found("x") == b"later"


@pytest.mark.parametrize(
    "note",
    [b"", b"\1", struct.pack("<HI", 10, 1000) + b"x", struct.pack("<HI", 3, 2) + b"\xff\xfe\xfd{}{}",
     struct.pack("<HI", 0, 2) + b"{}{}"],
)  # fmt: skip
def test_a_damaged_note_of_two_files_is_discarded(flash: FakeFlash, note: bytes) -> None:
    files.write("a", b"mine")
    flash.files["a.both.1"] = _numbered(1, note)
    files.finish("a")
    assert sorted(flash.files) == ["a.1"]
    assert found("a") == b"mine"


def test_many_writes_stay_in_two_files(flash: FakeFlash) -> None:
    for i in range(50):
        files.write("x", b"%d" % i)
        assert found("x") == b"%d" % i
    assert sorted(flash.files) == ["x.1", "x.2"]


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.integers(0, 20))
def test_any_contents_come_back(contents: list[bytes], cut: int) -> None:
    made = FakeFlash(lazy=False)
    with pytest.MonkeyPatch.context() as patch:
        made.install(lambda module, name, value: patch.setattr(module, name, value, raising=False))
        patch.setattr(numbered_files, "open", made.open, raising=False)
        patch.setattr(platform, "RENAMES_WHOLE", False)
        made.cut_at = cut
        for old, new in itertools.pairwise([None, *contents]):
            try:
                files.write("x", new)
                assert found("x") == new
            except PowerCut:
                made.power_on()
                assert found("x") in (old, new)
                return


def test_while_a_computer_has_the_drive_nothing_is_written(flash: FakeFlash, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write("x", b"old")
    before = dict(flash.files)
    monkeypatch.setattr(platform, "writable", lambda: False)
    with pytest.raises(FirmwareError) as refused:
        files.write("x", b"new")
    assert refused.value.args[0] == "storage.readonly"
    assert flash.files == before
    assert found("x") == b"old"


@pytest.mark.parametrize("there", [False, True])
def test_a_cut_while_two_files_are_replaced_leaves_both_or_neither(flash: FakeFlash, there: bool) -> None:
    old: tuple[bytes | None, bytes | None] = (None, None)
    if there:
        files.write("a", b"old a")
        files.write("b", b"old b")
        old = (b"old a", b"old b")
    new = (b"new a", b"new b")
    saved, begin = dict(flash.files), flash.operations
    files.write_both("a", new[0], "b", new[1])
    end = flash.operations
    assert (found("a"), found("b")) == new
    seen = set()
    for cut in range(begin, end):
        flash.files, flash.operations, flash.cut_at = dict(saved), begin, cut
        with pytest.raises(PowerCut):
            files.write_both("a", new[0], "b", new[1])
        flash.power_on()
        # And the power is cut while the next start finishes it, at every operation.
        left, begun = dict(flash.files), flash.operations
        files.finish("a")
        finished = flash.operations
        assert (found("a"), found("b")) in (old, new)
        seen.add((found("a"), found("b")))
        for again in range(begun, finished):
            flash.files, flash.operations, flash.cut_at = dict(left), begun, again
            with pytest.raises(PowerCut):
                files.finish("a")
            flash.power_on()
            files.finish("a")
            assert (found("a"), found("b")) == new
    assert seen == {old, new}


def test_a_full_drive_leaves_neither_of_two_files(flash: FakeFlash) -> None:
    files.write("a", b"old a")
    files.write("b", b"old b")
    whole = sum(map(len, flash.files.values()))
    refused = 0
    for room in range(0, 400, 4):
        before = dict(flash.files)
        flash.free_bytes = whole + room
        try:
            files.write_both("a", b"{" + b"a" * 90, "b", b"{" + b"b" * 90)
        except OSError:
            refused += 1
            flash.free_bytes = 1 << 20
            files.finish("a")
            assert (found("a"), found("b")) == (b"old a", b"old b"), room
            flash.files = before
            continue
        assert (found("a"), found("b")) == (b"{" + b"a" * 90, b"{" + b"b" * 90)
        break
    assert refused > 3
