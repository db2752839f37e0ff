"""Checks that need the board's owner: a sound, a look at the LED, a cable; each waits a bounded time."""

from __future__ import annotations

import time

from soundsdk.device.connection import CommandRejected
from soundsdk.device.messages import Event, Scores
from soundsdk.device.transport import ConnectionLost
from soundsdk.selftest.context import SelfTest
from soundsdk.selftest.outcome import NotPossible, Observed
from soundsdk.selftest.restarts import wait_back

_SOUND_S = 20.0
_RISE_DB = 10.0
_WATCH_EVERY_S = 4.0
_LED_RULE = "led,blink,300ms,5s"


def check_event(test: SelfTest) -> Observed:
    """Ask for a sound that the detector knows, and wait for its event."""
    if not test.owner.sound:
        raise NotPossible("no sound was asked for")
    device, labels = test.device, [one.label for one in test.classes()]
    test.say(f"  Make a sound that it knows within {_SOUND_S:g} s, or clap: {', '.join(labels)}")
    events: list[int] = []
    levels: list[float] = []
    begin = time.monotonic()
    renewed = -_WATCH_EVERY_S
    while (now := time.monotonic()) < begin + _SOUND_S and not events:
        if now - renewed > _WATCH_EVERY_S:
            device.send("watch", on=True, mel=False)
            renewed = now
        item = device.read(0.2)
        if isinstance(item, Event) and item.edge == "on":
            events.append(labels.index(item.label) if item.label in labels else -1)
        elif isinstance(item, Scores):
            levels.append(item.level_dbfs)
    device.request("watch", test.waits.answer_s, tries=3, on=False, mel=False)
    rise = max(levels) - min(levels) if levels else 0.0
    if events:
        return Observed(True, "an event came", 1, "events", "one", {"class": events[0], "rise_db": round(rise, 1)})
    if rise >= _RISE_DB:
        raise NotPossible(f"a sound was heard ({rise:.0f} dB above the quiet), and was none of the detector's")
    raise NotPossible("no sound was made")


def check_led(test: SelfTest) -> Observed:
    """Make the LED blink on the next event of the lowest threshold, and ask whether it did."""
    if not test.owner.present:
        raise NotPossible("nobody was asked to look")
    one = test.classes()[0]
    try:
        test.device.set(one.label, on=0.001, off=0.001, min_ms=0, action=_LED_RULE)
    except CommandRejected as error:
        raise NotPossible(f"the board has no LED that a rule can switch ({error.code})") from error
    event = None
    end = time.monotonic() + 10
    while time.monotonic() < end and event is None:
        item = test.device.read(0.2)
        event = item if isinstance(item, Event) and item.edge == "on" else None
    if event is None:
        raise NotPossible("no event came, even at a threshold of 0.001")
    answer = test.owner.ask("Does the board's LED blink? [y/n]")
    if not answer:
        raise NotPossible("the question was not answered")
    return Observed(answer.startswith("y"), "the LED blinked" if answer.startswith("y") else "the LED did not blink")


def check_replug(test: SelfTest) -> Observed:
    """Ask for the cable to be pulled and put back, and wait for the board."""
    if not test.owner.present:
        raise NotPossible("nobody was asked")
    if "://" in test.device.transport.path:
        raise NotPossible("the port is another computer's")
    if test.owner.ask("Pull the board's cable and plug it in again? [y/n]") != "y":
        raise NotPossible("the cable was not pulled")
    test.say(f"  Pull it now, and plug it in again within {test.waits.away_s:g} s.")
    end = time.monotonic() + test.waits.away_s
    while time.monotonic() < end:
        try:
            test.device.read(0.2)
        except ConnectionLost:
            begin = time.monotonic()
            wait_back(test, test.waits.away_s)
            took = time.monotonic() - begin
            return Observed(
                True, f"the board was back after {took:.1f} s", round(took, 1), "s", f"within {test.waits.away_s:g} s"
            )
    raise NotPossible("the cable was not pulled")
