"""Rules and thresholds that one `set` keeps: two files, with a power cut at every single operation."""

from __future__ import annotations

import json

import pytest
from acting_board import ActingBoard
from fake_flash import FakeFlash, PowerCut

FIRST = {"label": "a", "action": "pin:1,high", "on": 700, "keep": True}
SECOND = {"label": "a", "action": "pin:2,low,pulse,200ms,3+tone:9,2000hz", "on": 900, "keep": True}
NEW, OLD = ("pin:2,low,pulse,200ms,3+tone:9,2000hz", 900), ("pin:1,high", 700)


@pytest.fixture(params=[True, False], ids=["lazy", "eager"])
def flash(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeFlash:
    made = FakeFlash(lazy=request.param)
    made.install(lambda module, name, value: monkeypatch.setattr(module, name, value, raising=False))
    return made


def start(flash: FakeFlash, cut_at: int = -1) -> ActingBoard:
    """Restore the power and start a board, which loses it again at that operation."""
    flash.power_on()
    flash.operations, flash.cut_at = 0, cut_at
    board = ActingBoard("flash", hook=False)
    board.app.start()
    return board


def state(board: ActingBoard) -> tuple[str, int]:
    """Return the rule and the threshold of the class."""
    assert [m for m in board.messages() if m["type"] == "ack" and not m["ok"]] == []
    return board.app.actions.text("a"), board.app.pipeline.detector.thresholds[0].on


def before_and_set(flash: FakeFlash, before: bool, cut_at: int) -> bool:
    """Set the first, if `before`, and cut the power at an operation of the second; return False if it has fewer."""
    flash.files.clear()
    if before:
        assert start(flash).request(type="set", **FIRST)["ok"]
    try:
        assert start(flash, cut_at).request(type="set", **SECOND)["ok"]
    except PowerCut:
        return True
    return False


@pytest.mark.parametrize("before", [True, False])
def test_a_power_cut_at_any_operation_leaves_both_or_neither(flash: FakeFlash, before: bool) -> None:
    old = OLD if before else ("", 600)
    found = []
    while before_and_set(flash, before, len(found)):
        # The next start may lose its power as well, at any of its operations, before it has finished anything.
        interrupted, cut_again = dict(flash.files), 0
        first = state(start(flash))
        while True:
            flash.files = dict(interrupted)
            try:
                state(start(flash, cut_again))
                break
            except PowerCut:
                cut_again += 1
                assert state(start(flash)) == first
        found.append(first)
        # What is left over of it does not come back with a later set, and does not stand in its way.
        assert flash.files.keys() <= {"flash/settings.json", "flash/set.json"} | {
            f"flash/{name}.new" for name in ("settings.json", "set.json", "settings.json.both")
        }
        assert start(flash).request(type="set", label="a", on=650, keep=True)["ok"]
        assert state(start(flash)) == (first[0], 650)
        assert start(flash).request(type="set", label="a", action="pin:5", keep=True)["ok"]
        assert state(start(flash)) == ("pin:5", 650)
    assert set(found) == {old, NEW}
    # From one moment on it is done: never new, then old again.
    assert found == sorted(found, key=lambda one: one == NEW)
    assert state(start(flash)) == NEW
    assert json.loads(flash.files["flash/settings.json"])["actions"] == {"a": NEW[0]}
    assert set(flash.files) == {"flash/settings.json", "flash/set.json"}


def test_a_full_flash_changes_neither(flash: FakeFlash) -> None:
    flash.files.clear()
    assert start(flash).request(type="set", **FIRST)["ok"]
    files = dict(flash.files)
    used = sum(len(content) for content in files.values())
    refused = 0
    for room in range(0, 400, 5):
        flash.files, flash.free_bytes = dict(files), used + room
        board = start(flash)
        answer = board.request(type="set", **SECOND)
        flash.free_bytes = 1 << 20
        if answer["ok"]:
            assert state(start(flash)) == NEW
            break
        refused += 1
        assert answer["error"] == "set.flash"
        assert (board.app.actions.text("a"), board.app.pipeline.detector.thresholds[0].on) == OLD
        assert state(start(flash)) == OLD
    assert 5 < refused < 80
