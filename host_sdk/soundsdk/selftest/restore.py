"""The end of a self-test: all that the checks have changed is taken back, and compared with what was found."""

from __future__ import annotations

from soundsdk.device.classes import BoardClass, classes_of
from soundsdk.device.messages import Hello
from soundsdk.errors import SoundsdkError
from soundsdk.selftest.context import SelfTest
from soundsdk.selftest.records import Before
from soundsdk.selftest.restarts import wait_back
from soundsdk.selftest.settings_checks import take_back
from soundsdk.selftest.trials import clear

_TRIES = 3


def restore(test: SelfTest) -> list[str]:
    """Take back what was changed; return what is still different, a sentence each, none if the board is as it was.

    A cable that was pulled is waited for, 30 s.
    """
    before = test.before
    if before is None:
        return []
    last: SoundsdkError | None = None
    for number in range(_TRIES):
        try:
            if number:
                test.say(
                    f"  the board is gone: plug it in again within {test.waits.away_s:g} s, and it is left as it was"
                )
                wait_back(test, test.waits.away_s)
            _take_all_back(test, before)
            return differences(test, before)
        except SoundsdkError as error:
            last = error
    assert last is not None
    left = [f"the rule of a class is the test's: soundsdk set action.LABEL={rule}" for rule in test.kept.values()]
    if test.slots_touched:
        left.append("part of a push is on the board: soundsdk push with its detector takes it away")
    return [f"it could not be looked at: {last.message}", *left]


def _take_all_back(test: SelfTest, before: Before) -> None:
    device = test.device
    device.send("record", stop=True)
    device.send("watch", on=False, mel=False)
    device.request("hello", test.waits.answer_s, tries=5)
    take_back(test)
    if test.slots_touched:
        clear(test)
    if before.classes is None:
        return
    now = classes_of(device) or []
    for old, new in zip(before.classes, now, strict=False):
        if old != new and old.label == new.label:
            _set(test, old, new)


def _set(test: SelfTest, old: BoardClass, new: BoardClass) -> None:
    """Set a class as it was, until the next restart: what was saved is saved already."""
    action = (old.action or "none") if old.action != new.action else None
    limits = {"on": old.on / 1000, "off": old.off / 1000, "min_ms": old.min_ms, "hold_ms": old.hold_ms}
    test.device.set(old.label, action=action, **limits)  # type: ignore[arg-type]


def differences(test: SelfTest, before: Before) -> list[str]:
    """Return what of the board is not as it was found."""
    hello = test.device.request("hello", test.waits.answer_s, tries=5)
    assert isinstance(hello, Hello)
    found = []
    for name, was, now in (
        ("its detector", before.hello.sha256, hello.sha256),
        ("its firmware", before.hello.fw, hello.fw),
        ("its note of a push", before.hello.extra.get("rolled_back"), hello.extra.get("rolled_back")),
        ("its trial", before.hello.extra.get("trial"), hello.extra.get("trial")),
    ):
        if was != now:
            found.append(f"{name} was {was or 'none'}, and is {now or 'none'}")
    if classes_of(test.device) != before.classes:
        found.append("its thresholds or rules are not those that were found")
    return found
