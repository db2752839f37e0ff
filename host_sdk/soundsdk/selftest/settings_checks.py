"""Checks of settings: one that is not saved is gone after a restart; one that is saved is there."""

from __future__ import annotations

from soundsdk.device.classes import BoardClass, classes_of
from soundsdk.device.connection import CommandRejected
from soundsdk.errors import ProtocolError
from soundsdk.selftest.context import SelfTest
from soundsdk.selftest.outcome import NotPossible, Observed
from soundsdk.selftest.restarts import restart

_RULE = "led,pulse,100ms,1"
_OTHER_RULE = "led,pulse,100ms,2"


def _first(test: SelfTest) -> BoardClass:
    classes = classes_of(test.device)
    if not classes:
        raise ProtocolError("the board does not describe its classes any more.", "Reset it.")
    return classes[0]


def check_not_kept(test: SelfTest) -> Observed:
    """Change a threshold without saving it, read it back, restart, and read again."""
    test.classes()
    restart(test, "reboot")
    saved = _first(test)
    hold_ms = 1234 if saved.hold_ms != 1234 else 1235
    test.device.set(saved.label, hold_ms=hold_ms)
    changed = _first(test).hold_ms == hold_ms
    restart(test, "reboot")
    gone = _first(test) == saved
    return Observed(
        changed and gone,
        f"a threshold was {'' if changed else 'not '}changed, and {'gone' if gone else 'still there'} after a restart",
        bound="changed at once, gone after a restart",
    )


def check_kept(test: SelfTest) -> Observed:
    """Save a rule on the board, restart, read it, and save the one that was there before."""
    test.classes()
    if test.found().hello.extra.get("readonly"):
        raise NotPossible("a computer has the board's drive: nothing can be kept")
    saved = _first(test)
    rule = _RULE if saved.action != _RULE else _OTHER_RULE
    # Noted first: an answer that is lost must not leave the rule there.
    test.kept[saved.label] = saved.action or "none"
    try:
        test.device.set(saved.label, action=rule, keep=True)
    except CommandRejected as error:
        del test.kept[saved.label]
        raise NotPossible(f"the board keeps no rule for its LED: {error.detail} ({error.code})") from error
    restart(test, "reboot")
    there = _first(test).action == rule
    take_back(test)
    back = _first(test).action == saved.action
    return Observed(
        there and back,
        f"a rule was {'' if there else 'not '}there after a restart, and {'taken back' if back else 'not taken back'}",
        bound="there after a restart, then as before",
    )


def take_back(test: SelfTest) -> None:
    """Save the rules again that were there before."""
    for label in list(test.kept):
        test.device.set(label, action=test.kept[label], keep=True)
        del test.kept[label]
