"""The checks of a self-test, in their order, each bounded in time; whatever happens, the board is put back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from soundsdk.device.connection import NO_MEMORY, CommandRejected
from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import SoundsdkError
from soundsdk.selftest import answers, hearing, owner_checks, settings_checks, trials, twin
from soundsdk.selftest.bounded import BoundedTransport, Deadline
from soundsdk.selftest.context import SelfTest
from soundsdk.selftest.outcome import FAILED, NOT_POSSIBLE, PASSED, NotPossible, Observed
from soundsdk.selftest.report import CheckResult
from soundsdk.selftest.restarts import wait_back
from soundsdk.selftest.restore import restore

TOTAL_S = 600.0
RESTORE_S = 75.0  # of TOTAL_S, kept for putting the board back


@dataclass(frozen=True)
class Check:
    """A promise that a board can show. most_s: what it takes at most, besides the seconds of listening."""

    name: str
    promise: str
    run: Callable[[SelfTest], Observed]
    most_s: float


CHECKS = (
    Check("hello", "The board says what it is, and runs.", answers.check_hello, 20),
    Check("detector", "The detector on the board is the file, to the byte.", answers.check_detector, 1),
    Check("answers", "A command is answered at once.", answers.check_latency, 20),
    Check("bad-lines", "Damaged lines and unknown commands change nothing.", answers.check_bad_lines, 15),
    Check("listening", "It listens without a break, and reports every step.", hearing.check_listening, 30),
    Check("lost-samples", "No sample is lost.", hearing.check_losses, 1),
    Check("lost-lines", "No line is lost or damaged.", hearing.check_lines, 1),
    Check("sample-rate", "A second of its sound is a second.", hearing.check_rate, 1),
    Check("compute", "A step is computed before the next one is there.", hearing.check_compute, 1),
    Check("heap", "Listening takes no memory.", hearing.check_heap, 1),
    Check("microphone", "The microphone hears, with no fault.", answers.check_microphone, 25),
    Check("event", "A sound that it knows makes an event.", owner_checks.check_event, 30),
    Check("restart", "It restarts when it is asked to, and says hello.", trials.check_restart, 45),
    Check("cut-push", "A push that is cut leaves the old detector.", trials.check_cut_push, 60),
    Check("refused-push", "What cannot run is tried, and the old detector is back.", trials.check_refused_push, 60),
    Check("features", "The features are those of the computer, to the byte.", twin.check_features, 5),
    Check("scores", "The scores are those of the computer, to the byte.", twin.check_scores, 5),
    Check("push-back", "A pushed detector is verified, tried, and only then kept.", trials.check_push_back, 120),
    Check("set", "A setting works at once; one that is not saved is gone.", settings_checks.check_not_kept, 60),
    Check("set-saved", "A setting that is saved is there after a restart.", settings_checks.check_kept, 60),
    Check("led", "An event makes the LED blink.", owner_checks.check_led, 45),
    Check("replug", "A board that is plugged in again goes on.", owner_checks.check_replug, 60),
)
LEFT = ("left-as-found", "The board is left as it was found.")


class Runner:
    """Runs the checks and keeps their results, also those of a run that is interrupted."""

    def __init__(self, test: SelfTest, each: Callable[[CheckResult], None], checks: Sequence[Check] = CHECKS) -> None:
        self._test = test
        self._checks = checks
        self._each = each
        self.results: list[CheckResult] = []
        self._gone = ""  # why nothing more can be asked of the board
        self._deadline = Deadline()
        test.device.transport = BoundedTransport(test.device.transport, self._deadline)

    def run(self) -> None:
        """Run every check; KeyboardInterrupt ends it between two results."""
        for check in self._checks:
            self._add(self._result(check))

    def put_back(self) -> None:
        """Put the board back as it was, and add the result of that."""
        begin = time.monotonic()
        name, promise = LEFT
        if self._test.before is None:
            outcome, says = NOT_POSSIBLE, "the board has not said what it was like"
        else:
            self._deadline.start(RESTORE_S)
            left = restore(self._test)
            outcome = FAILED if left else PASSED
            says = "; ".join(left) or "detector, thresholds, rules and notes are those that were found"
        took = round(time.monotonic() - begin, 1)
        self._add(CheckResult(name, promise, outcome, says, bound="nothing differs", took_s=took))

    def _add(self, result: CheckResult) -> None:
        self.results.append(result)
        self._each(result)

    def _result(self, check: Check) -> CheckResult:
        test = self._test
        if self._gone:
            return CheckResult(check.name, check.promise, NOT_POSSIBLE, self._gone)
        most_s = check.most_s + (test.seconds if check.name == "listening" else 0)
        if test.left_s < most_s + RESTORE_S:
            return CheckResult(check.name, check.promise, NOT_POSSIBLE, "the time of the self-test is over")
        begin = time.monotonic()
        self._deadline.start(most_s)
        try:
            found = check.run(test)
            outcome = PASSED if found.ok else FAILED
        except NotPossible as error:
            found, outcome = Observed(False, error.message), NOT_POSSIBLE
        except SoundsdkError as error:
            found, outcome = Observed(False, error.message), FAILED
            if isinstance(error, CommandRejected) and error.code == NO_MEMORY:
                outcome = NOT_POSSIBLE  # what such a board promises is this answer
            self._recover(error)
        if outcome != FAILED and test.device.counts.restarts != test.restarts:
            found, outcome = Observed(False, f"the board restarted by itself; {found.says}", facts=found.facts), FAILED
        test.restarts = test.device.counts.restarts
        return CheckResult(
            check.name, check.promise, outcome, found.says, found.figure, found.unit, found.bound, found.facts,
            round(time.monotonic() - begin, 1),
        )  # fmt: skip

    def _recover(self, error: SoundsdkError) -> None:
        """Find out whether the board is still there; wait for it if its port has gone."""
        test = self._test
        self._deadline.start(test.waits.away_s + 3 * test.waits.answer_s)
        try:
            if isinstance(error, ConnectionLost):
                test.say(f"  the board is gone: plug it in again within {test.waits.away_s:g} s")
                wait_back(test, test.waits.away_s)
            test.device.request("hello", 2 * test.waits.answer_s, tries=10)
        except ConnectionLost:
            self._gone = "the board went, and has not come back"
        except SoundsdkError as again:
            lost = isinstance(error, ConnectionLost)
            self._gone = f"the board went, and has not come back: {again.message}" if lost else "it answers no more"
