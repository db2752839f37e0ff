"""The programs that install and uninstall run on a board, cut off at every change they make, and on a full board."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest
from tone_boards import MODEL

from soundsdk.boards import find_board
from soundsdk.detector_file import DetectorFile, from_bytes
from soundsdk.stock import board_facts, on_board, payload
from soundsdk.stock.board_facts import BoardFacts
from soundsdk.stock.payload import Payload, Plan
from stock_micropython import stock_unix
from virtual_boards.stock_board import StockFlash

Files = dict[str, bytes | None]
MIC = {"mic": {"kind": "i2s", "sck": 16, "ws": 17, "sd": 18}}
USERS: Files = {
    "boot.py": b"# the board's own\n", "main.py": b"print('mine')\n", "lib": None, "lib/mine.py": b"x = 1\n",
    "data": None, "data/a.bin": bytes(9000),
}  # fmt: skip
BARE: Files = {"boot.py": b"# the board's own\n"}


@pytest.fixture(scope="module")
def program() -> Path:
    return stock_unix()


@pytest.fixture(scope="module")
def detector() -> DetectorFile:
    return from_bytes(MODEL, "tone.tflite")


def files_of(detector: DetectorFile, version: int = 1) -> Payload:
    """Return an installation of a few small files. version: another has other files."""
    code = {f"soundfw/part{n}.mpy": bytes([version, n]) * (2000 * n) for n in range(version, version + 3)}
    code["soundfw/wire/link.mpy"] = bytes([version]) * 100
    small = DetectorFile(detector.path, b"TFL3" * 500, detector.metadata, detector.arena_bytes, detector.step_samples)
    return payload.make_payload(find_board("unix"), small, bytes([version]) * 5000, code, MIC)


class Bench:
    """A board's flash of which copies are made, one for each try. kind: see the tests."""

    def __init__(self, folder: Path, program: Path, detector: DetectorFile, kind: str) -> None:
        self._folder, self.program = folder, program
        self._count = 0
        self.master = StockFlash(folder / "master.bin", blocks=64)
        self.master.store(program, BARE if kind == "bare" else USERS)
        # What uninstall has to leave, and what an installation that fails has to leave.
        self.original = self.master.files(program)
        if kind == "update":
            assert not self.run(self.master, self.programs(self.master, files_of(detector, 1))).error
        self.before = self.master.files(program)
        self.payload = files_of(detector, 2)

    def copy(self) -> StockFlash:
        self._count += 1
        path = self._folder / f"{self._count % 2}.bin"
        shutil.copy(self.master.path, path)
        return StockFlash(path, blocks=self.master.blocks)

    def run(self, flash: StockFlash, programs: list[str], cut: int = 0) -> Any:
        return flash.run(self.program, programs, cut)

    def facts(self, flash: StockFlash, files: Payload) -> BoardFacts:
        code = [path.removeprefix("lib/") for path in files.files if path.startswith("lib/soundfw/")]
        return board_facts.from_told(self.run(flash, on_board.inspect(payload.asked_paths(code))).told)

    def plan(self, flash: StockFlash, files: Payload) -> Plan:
        return payload.make_plan(files, self.facts(flash, files))

    def programs(self, flash: StockFlash, files: Payload) -> list[str]:
        plan = self.plan(flash, files)
        return on_board.transfer(plan.files, plan.as_dict())

    def cut_anywhere(self, start: StockFlash, program: str, after: Files) -> None:
        """Cut a program at each of its changes; what it or its next run leaves must be the files `after`."""
        cut, cuts = True, 0
        while cut:
            cuts += 1
            flash = StockFlash(start.path.with_name("again.bin"), blocks=start.blocks)
            shutil.copy(start.path, flash.path)
            cut = self.run(flash, [program], cuts).cut
            if cut:
                assert not self.run(flash, [program]).error
            assert flash.files(self.program) == after, f"cut at change {cuts}"
        assert cuts > len(self.payload.files)

    def check_installed(self, flash: StockFlash) -> None:
        there = flash.files(self.program)
        assert {path: there.get(path) for path in self.payload.files} == self.payload.files
        # Besides: the record, folders, and what is the user's, of which main.py has another name.
        others = set(there) - set(self.payload.files) - {on_board.RECORD, *payload.folders_of(self.payload.files)}
        kept = {"main.py.before-soundsdk"} if "main.py" in self.original else set()
        assert others - set(self.original) == kept
        if kept:
            assert there["main.py.before-soundsdk"] == self.original["main.py"]


@pytest.fixture(params=["bare", "users", "update"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, program: Path, detector: DetectorFile) -> Bench:
    """Return a bare board, one with files of a user (main.py among them), and that with an older installation."""
    return Bench(tmp_path, program, detector, request.param)


def test_the_files_are_what_was_sent_and_uninstall_leaves_what_was_there(bench: Bench) -> None:
    flash = bench.copy()
    ran = bench.run(flash, bench.programs(flash, bench.payload))
    assert ran.told[-1] == {"switched": True}, ran.error
    bench.run(flash, [on_board.finish()])
    bench.check_installed(flash)
    # What soundfw writes on the way goes as well; what a user has added stays.
    written: Files = {"slots.json": b"{}", "slot_a.tflite": bytes(5000), "set.json": b"{}", "on_event.py": b"#"}
    flash.store(bench.program, written)
    told = bench.run(flash, [on_board.uninstall()]).told[-1]
    assert told["installed"]
    assert told["kept"] == []
    assert flash.files(bench.program) == {**bench.original, "on_event.py": b"#"}


def test_power_that_goes_at_any_change_leaves_the_board_as_it_was(bench: Bench) -> None:
    programs = bench.programs(bench.master, bench.payload)
    cut, cuts, late = True, 0, 0
    while cut:
        cuts += 1
        flash = bench.copy()
        cut = bench.run(flash, programs, cuts).cut
        if not cut:
            break
        ran = bench.run(flash, [on_board.recover()])
        assert not ran.error
        if ran.told[-1]["fw"] == bench.payload.fw:
            # Only once the plan has gone, with which all is done.
            late += 1
            bench.check_installed(flash)
        else:
            assert flash.files(bench.program) == bench.before, f"cut at change {cuts}"
    assert cuts > 3 * len(bench.payload.files)
    assert late <= 1
    bench.run(flash, [on_board.finish()])
    bench.check_installed(flash)


def test_power_that_goes_while_it_is_put_back_does_no_harm(bench: Bench) -> None:
    programs = bench.programs(bench.master, bench.payload)
    whole = bench.copy()
    changes = 1
    while bench.run(whole, programs, changes).cut:
        changes += 1
        whole = bench.copy()
    # In the middle of the moves: all files have been written, some are in place.
    stopped = bench.copy()
    assert bench.run(stopped, programs, changes - len(bench.payload.files) // 2).cut
    bench.cut_anywhere(stopped, on_board.recover(), bench.before)


def test_an_uninstallation_that_is_cut_off_is_finished_by_the_next(bench: Bench) -> None:
    installed = bench.copy()
    bench.run(installed, bench.programs(installed, bench.payload))
    bench.run(installed, [on_board.finish()])
    bench.cut_anywhere(installed, on_board.uninstall(), bench.original)


def test_a_file_system_that_is_full_at_any_file_says_which_and_is_put_back(
    tmp_path: Path, program: Path, detector: DetectorFile
) -> None:
    bench = Bench(tmp_path, program, detector, "users")
    named = set()
    for blocks in range(bench.facts(bench.master, bench.payload).free_blocks):
        flash = bench.copy()
        flash.store(program, {"filler": bytes(blocks * flash.block)} if blocks else {})
        before = flash.files(program)
        ran = bench.run(flash, bench.programs(flash, bench.payload))
        failed = [told for told in ran.told if "failed" in told]
        if not failed:
            assert {"switched": True} in ran.told, ran.error
            continue
        assert failed[0]["error"] == errno.ENOSPC
        assert 0 <= failed[0]["free"] < 8 * flash.block
        named.add(failed[0]["failed"])
        assert not bench.run(flash, [on_board.recover()]).error
        assert flash.files(program) == before
    assert len(named) > 3, "it was full at several files"


def test_a_file_that_is_not_what_was_sent_is_found(tmp_path: Path, program: Path, detector: DetectorFile) -> None:
    bench = Bench(tmp_path, program, detector, "bare")
    plan = bench.plan(bench.master, bench.payload)
    as_dict = plan.as_dict()
    as_dict["files"][2] = (as_dict["files"][2][0], "0" * 64)
    ran = bench.run(bench.master, on_board.transfer(plan.files, as_dict))
    assert [told for told in ran.told if "damaged" in told] == [{"damaged": plan.files[2][0]}]
    assert ran.error
    bench.run(bench.master, [on_board.recover()])
    assert bench.master.files(program) == bench.before


def test_a_main_py_that_was_changed_since_is_the_users(bench: Bench) -> None:
    flash = bench.copy()
    bench.run(flash, bench.programs(flash, bench.payload))
    bench.run(flash, [on_board.finish()])
    flash.store(bench.program, {"main.py": b"import soundfw\n"})
    facts = bench.facts(flash, bench.payload)
    assert payload.in_the_way(bench.payload, facts) == ["main.py"]
    told = bench.run(flash, [on_board.uninstall()]).told[-1]
    mine = ["main.py.before-soundsdk"] if "main.py" in bench.original else []
    assert told["kept"] == ["main.py", *mine]
    assert flash.files(bench.program)["main.py"] == b"import soundfw\n"
