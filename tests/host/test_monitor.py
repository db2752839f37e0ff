"""The parts of `soundsdk monitor`: what is chosen, paired, recorded, written, logged and said."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from soundsdk import labels
from soundsdk.device.messages import Ack, Event, Hello, Mel, Scores, Status
from soundsdk.device.protocol import Counts, Damaged, DeviceReset, LinesLost, Text
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingItem
from soundsdk.errors import OutputError
from soundsdk.monitor.boards.board import MonitoredBoard, monitored
from soundsdk.monitor.boards.feeds import OneBoard
from soundsdk.monitor.boards.identity import Identity
from soundsdk.monitor.event_filter import EventFilter
from soundsdk.monitor.lines import Lines
from soundsdk.monitor.log import Log
from soundsdk.monitor.loop import run_monitor
from soundsdk.monitor.notes import Notes, summary
from soundsdk.monitor.records import iso, line, record
from soundsdk.monitor.state import GAPS, RECENT, State, whole
from soundsdk.monitor.table.live import rows_of_one
from soundsdk.monitor.table.rows import Marks, Picture
from soundsdk.monitor.telemetry_requests import TelemetryRequests

HELLO = Hello(0, 1, "0.1.0", "rpi_pico", "alarms", "ab" * 32, 16000)
NOW = 1_700_000_000.25


def on(id: int, label: str = "siren", t: int = 16000, score: float = 0.9) -> Event:
    return Event(10 + id, id, label, "on", t, score)


def off(id: int, label: str = "siren", t: int = 32000, score: float = 0.95) -> Event:
    return Event(10 + id, id, label, "off", t, score)


def status(lost: int = 0, dropped: int = 0) -> Status:
    return Status(7, 160000, lost, 8100, 91000, -41.2, dropped, 0)


class Script:
    """A Source of prepared lists."""

    def __init__(self, *turns: list[ReconnectingItem]) -> None:
        self._turns = list(turns)
        self.hello, self.path, self.counts = HELLO, "p", Counts()

    def read_all(self, timeout_s: float) -> list[ReconnectingItem]:
        if not self._turns:
            time.sleep(timeout_s)
        return self._turns.pop(0) if self._turns else []

    def send(self, kind: str, **members: object) -> None: ...


def monitored_board(*turns: list[ReconnectingItem], name: str = "pico-1", several: bool = False) -> MonitoredBoard:
    return monitored(Script(*turns), Identity(name, name), several=several)


BOARD = monitored_board()


def state_after(*items: ReconnectingItem) -> State:
    state = State(HELLO, "/dev/ttyACM0")
    for item in items:
        state.update(item, NOW)
    return state


# ---- what is chosen


def test_only_the_labels_that_were_asked_for() -> None:
    event_filter = EventFilter(["siren"])
    assert event_filter.select(on(1, "dog")) == []
    assert event_filter.select(on(2)) == [on(2)]
    assert event_filter.select(off(1, "dog")) == []


def test_an_event_that_reaches_min_score_late_is_shown_whole_when_it_ends() -> None:
    event_filter = EventFilter(min_score=0.92)
    assert event_filter.select(on(1, score=0.9)) == []
    assert event_filter.select(off(1, score=0.95)) == [on(1, score=0.9), off(1, score=0.95)]
    assert event_filter.select(on(2, score=0.5)) == []
    assert event_filter.select(off(2, score=0.6)) == []


def test_the_end_of_a_shown_event_is_shown_whatever_its_score() -> None:
    event_filter = EventFilter(min_score=0.92)
    assert event_filter.select(on(1, score=0.93)) == [on(1, score=0.93)]
    assert event_filter.select(off(1, score=0.1)) == [off(1, score=0.1)]


def test_the_end_of_an_event_whose_onset_was_not_heard_counts_by_its_own_score() -> None:
    event_filter = EventFilter(min_score=0.92)
    assert event_filter.select(off(1, score=0.95)) == [off(1, score=0.95)]
    assert event_filter.select(off(2, score=0.5)) == []


# ---- what is known


def test_an_onset_and_its_end_are_one_event() -> None:
    state = State(HELLO, "p")
    begun = state.update(on(1), NOW)
    assert begun is not None
    assert (begun.onset_s, begun.offset_s, begun.active) == (1.0, None, True)
    ended = state.update(off(1), NOW + 1)
    assert ended is not None
    assert (ended.onset_s, ended.offset_s, ended.score, ended.time, ended.active) == (1.0, 2.0, 0.95, NOW, False)
    assert not state.active
    assert list(state.recent) == [ended]
    assert state.counted == {"siren": 1}


def test_lost_ends_and_lost_onsets_are_counted_and_never_paired_with_a_stranger() -> None:
    state = State(HELLO, "p")
    state.update(on(1), NOW)
    assert state.update(off(2, t=99000), NOW) is None
    assert (state.unfinished, state.without_onset) == (1, 1)
    state.update(on(3), NOW)
    state.update(on(4, t=48000), NOW)
    assert state.unfinished == 2
    span = state.update(off(4, t=64000), NOW)
    assert span is not None
    assert (span.onset_s, span.offset_s) == (3.0, 4.0)
    assert [whole(s) is not None for s in state.recent] == [False, False, True]


def test_a_restart_ends_what_went_on_and_keeps_the_sum_of_lost_samples() -> None:
    state = state_after(on(1), status(lost=500), DeviceReset(), status(lost=20))
    assert (state.start, state.unfinished, state.lost, state.active) == (2, 1, 520, {})
    back = Reconnected("q", HELLO, 2.5, True, LinesLost(0, 3))
    state = state_after(status(lost=500), Disconnected("p"), back, status(lost=20))
    assert (state.start, state.lost, state.path, state.times_gone, state.gone_s) == (2, 520, "q", 1, 2.5)
    assert list(state.gaps) == [LinesLost(0, 3)]


def test_memory_does_not_grow_with_events_gaps_or_labels() -> None:
    state = State(HELLO, "p")
    for i in range(3000):
        state.update(on(i, f"label {i}"), NOW)
        state.update(off(i, f"label {i}"), NOW)
        state.update(LinesLost(i, i), NOW)
    assert (len(state.recent), len(state.gaps), len(state.counted)) == (RECENT, GAPS, 1000)


# ---- lines


def written(form: str, *items: ReconnectingItem) -> list[str]:
    board, out = monitored_board(), io.StringIO()
    lines = Lines(form, out)
    for item in items:
        lines.handle(board, item, board.state.update(item, NOW), NOW)
    lines.tick()
    return out.getvalue().splitlines()


def test_tsv_is_a_dcase_table_of_whole_events() -> None:
    rows = written("tsv", on(1), status(), off(1), on(2), DeviceReset(), on(3), off(3))
    assert rows == [
        "filename\tonset\toffset\tevent_label",
        "rpi_pico\t1.000\t2.000\tsiren",
        "rpi_pico-2\t1.000\t2.000\tsiren",
    ]


def test_audacity_is_a_label_track() -> None:
    assert written("audacity", on(1), off(1)) == ["1.000000\t2.000000\tsiren"]


def test_text_is_a_line_for_each_edge() -> None:
    first, second = written("text", on(1), status(), off(1))
    assert first.split()[1:] == ["on", "1.00", "s", "0.90", "siren"]
    assert second.split()[1:] == ["off", "2.00", "s", "0.95", "siren"]


def test_jsonl_has_the_members_of_the_wire_and_the_time_of_the_host() -> None:
    rows = written("jsonl", on(1), Damaged(b"{"), status(), LinesLost(3, 5))
    event, counters, gap = map(json.loads, rows)
    assert event == {
        "time": "2023-11-14T22:13:20.250Z", "device": "pico-1", "type": "event", "seq": 11, "id": 1, "label": "siren",
        "edge": "on", "t": 16000, "t_s": 1.0, "score": 0.9,
    }  # fmt: skip
    assert (counters["type"], counters["level_dbfs"], counters["lost"]) == ("status", -41.2, 0)
    assert (gap["first"], gap["last"]) == (3, 5)


def test_scores_and_features_are_not_recorded() -> None:
    for item in (Scores(1, 2304, -40.0, (1, 2)), Mel(1, 2304, 0, b"12"), Ack(1, "watch", True), Damaged(b"{")):
        assert record(item, NOW, 16000, "p") is None


def test_a_label_cannot_end_a_line_or_steer_the_terminal() -> None:
    evil = "a\nb\t\x1b[31m\u2028"
    for form in ("text", "tsv", "audacity", "jsonl"):
        rows = written(form, on(1, evil), off(1, evil))
        assert len(rows) == {"text": 2, "jsonl": 2, "tsv": 2, "audacity": 1}[form]
        assert "\x1b" not in "".join(rows)
    assert labels.printable("Sirène 1") == "Sirène 1"


def test_time_is_utc_with_milliseconds() -> None:
    assert iso(0.0) == "1970-01-01T00:00:00.000Z"


# ---- the log


def test_the_log_appends_a_line_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for _ in range(2):
        log = Log(path, pytest.fail)
        log.handle(BOARD, on(1), None, NOW)
        assert json.loads(path.read_text().splitlines()[-1])["label"] == "siren"
        log.close()
    assert len(path.read_text().splitlines()) == 2


def test_a_log_that_was_cut_off_within_a_line_goes_on_in_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"half')
    log = Log(path, pytest.fail)
    log.handle(BOARD, on(1), None, NOW)
    log.close()
    half, line_of_event = path.read_text().splitlines()
    assert half == '{"half'
    assert json.loads(line_of_event)["id"] == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_reported_once_and_counted() -> None:
    said: list[str] = []
    log = Log(Path("/dev/full"), said.append)
    for i in range(5):
        log.handle(BOARD, on(i), None, NOW)
    log.close()
    assert len(said) == 1
    assert os.strerror(errno.ENOSPC) in said[0]
    assert log.failed == 5
    assert log.summary() == "  log      0 lines added to /dev/full, 5 lines could not be written"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file size limits")
def test_after_a_full_disk_every_line_of_the_log_is_whole_again_but_one(tmp_path: Path) -> None:
    path, said = tmp_path / "log.jsonl", list[str]()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = Log(path, said.append)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
        for i in range(10):
            log.handle(BOARD, on(i), None, NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    failed = log.failed
    assert 5 < failed < 10
    assert path.stat().st_size == 500
    log.handle(BOARD, on(99), None, NOW)
    log.close()
    *whole_lines, torn, last = path.read_text().splitlines()
    assert [json.loads(row)["id"] for row in whole_lines] == list(range(10 - failed))
    assert torn.startswith('{"time"')
    assert json.loads(last)["id"] == 99
    assert len(said) == 2
    assert f"it lacks {failed} lines" in said[1]


def test_a_log_that_cannot_be_opened_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        Log(tmp_path / "no" / "log", pytest.fail)


# ---- what is said


def test_unplugging_is_reported_with_its_length_and_the_missing_lines() -> None:
    said: list[str] = []
    notes = Notes(BOARD, said.append, said.append)
    notes.handle(BOARD, Disconnected("/dev/ttyACM0"), None, NOW)
    notes.handle(BOARD, Reconnected("/dev/ttyACM1", HELLO, 3.21, False, LinesLost(17, 20)), None, NOW)
    notes.handle(BOARD, Reconnected("/dev/ttyACM1", HELLO, 0.5, True, None), None, NOW)
    assert said[0] == "the board at /dev/ttyACM0 is gone; waiting for it."
    assert said[1] == "the board is back at /dev/ttyACM1 after 3.2 s; 4 lines are missing: seq 17-20."
    assert "no line is known to be missing" in said[2]
    assert "has restarted" in said[3]


def test_losses_are_gathered_and_log_text_is_shown_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    said, shown = list[str](), list[str]()
    notes = Notes(BOARD, said.append, shown.append)
    for i in range(100):
        notes.handle(BOARD, Text(b"Traceback \x1b[2J"), None, NOW)
        notes.handle(BOARD, LinesLost(3 * i, 3 * i + 1), None, NOW)
    notes.handle(BOARD, status(lost=512, dropped=2), None, NOW)
    notes.handle(BOARD, status(lost=512, dropped=2), None, NOW)
    notes.tick()
    assert said == ["the board has missed 512 samples of sound.", "the board could not send 2 lines."]
    notes.close()
    assert len(shown) == 20
    assert shown[0] == "Traceback ·[2J"
    assert said[2:] == [
        "the board printed 80 more lines.",
        "200 lines are missing: seq 0-1, 3-4, 6-7, 9-10, 12-13 and others.",
    ]


def test_what_fails_on_the_board_by_itself_is_said_and_refusals_of_commands_are_not() -> None:
    said: list[str] = []
    notes = Notes(BOARD, said.append, said.append)
    failed = Ack(1, "on_event", False, "on_event.error", "ValueError: no \x1b (line 3)")
    for ack in (failed, Ack(2, "set", False, "set.label", "no"), Ack(3, "keep", True)):
        notes.handle(BOARD, ack, None, NOW)
    assert said == ["the board reports: ValueError: no · (line 3) (on_event: on_event.error)."]
    for _ in range(100):
        notes.handle(BOARD, failed, None, NOW)
    assert len(said) == 20
    notes.close()
    assert said[20:] == ["the board printed 81 more lines."]


def test_the_summary_counts_damaged_and_missing_lines() -> None:
    back = Reconnected("q", HELLO, 1.5, False, None)
    state = state_after(on(1), off(1), on(2), LinesLost(5, 6), Disconnected("p"), back)
    words = "\n".join(summary(state, Counts(messages=12, text=3, damaged=4, missing=2)))
    for expected in ("siren 2", "12 intact, 4 damaged, 2 missing (seq 5-6), 3 of log text", "once, 1.5 s",
                     "1 still in progress"):  # fmt: skip
        assert expected in words


def test_the_summary_counts_an_absence_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    back = Reconnected("q", HELLO, 1.5, False, None)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    state = state_after(Disconnected("p"), back, Disconnected("q"))
    now += 10.0
    assert "  gone     2 times, 11.5 s in all, and not back yet; starts seen: 1" in summary(state, Counts())
    state.update(Reconnected("q", HELLO, 10.0, False, None), NOW)
    now += 5.0
    assert "  gone     2 times, 11.5 s in all; starts seen: 1" in summary(state, Counts())


# ---- the table


def drawn(state: State, height: int = 24, width: int = 100) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(Picture(rows_of_one(state, Counts(messages=5, damaged=1), height, Marks())))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_shows_board_level_scores_events_and_losses() -> None:
    state = state_after(on(1), off(1), on(2, "[red]bell"), status(lost=7), Scores(1, 2304, -33.0, (120, 940)))
    state.labels = {0: "siren", 1: "[red]bell"}
    text = drawn(state)
    for expected in ("rpi_pico", "alarms", "-33.0 dBFS", "0.94", "siren", "[red]bell", "1.00 s", "2.00 s", "now",
                     "damaged 1", "samples lost 7", "step 8.1 ms", "heap 91 kB"):  # fmt: skip
        assert expected in text, expected
    assert "gone" in drawn(state_after(Disconnected("p")))


@pytest.mark.parametrize("height", [8, 12, 24, 60])
def test_the_table_fits_the_terminal(height: int) -> None:
    state = State(HELLO, "p")
    for i in range(100):
        state.update(on(i), NOW)
        state.update(off(i), NOW)
    state.update(Scores(1, 2304, -33.0, tuple(range(50))), NOW)
    assert len(drawn(state, height).splitlines()) <= height


# ---- what is asked


class Asked:
    def __init__(self) -> None:
        self.sent: list[dict[str, object]] = []

    def send(self, kind: str, **members: object) -> None:
        self.sent.append({"type": kind, **members})


def test_every_class_is_asked_for_once_and_again_after_a_restart() -> None:
    board, state = Asked(), State(HELLO, "p")
    requests = TelemetryRequests(board, state, lambda: (False, False))
    for label in ("a", "b"):
        requests.tick()
        requests.tick()
        index = board.sent[-1]["class"]
        requests.handle(Ack(1, "model", True, extra={"classes": 2, "class": index, "label": label, "on": 500}))
    requests.tick()
    assert board.sent == [{"type": "model", "class": 0}, {"type": "model", "class": 1}]
    assert requests.complete
    assert state.labels == {0: "a", 1: "b"}
    requests.handle(DeviceReset())
    requests.tick()
    assert board.sent[-1] == {"type": "model", "class": 0}


def test_a_board_is_watched_while_somebody_looks_and_no_longer() -> None:
    clock = 1000.0
    board, looking = Asked(), (False, False)
    requests = TelemetryRequests(board, State(HELLO, "p"), lambda: looking, lambda: clock)
    requests.complete = True
    requests.tick()
    assert board.sent == []
    looking = (True, True)
    for _ in range(70):
        requests.tick()
        clock += 0.1
    assert board.sent == [{"type": "watch", "on": True, "mel": True}] * 3
    looking = (False, False)
    requests.tick()
    requests.tick()
    assert board.sent[3:] == [{"type": "watch", "on": False, "mel": False}]


def test_old_firmware_is_left_in_peace() -> None:
    clock = 1000.0
    board = Asked()
    requests = TelemetryRequests(board, State(HELLO, "p"), lambda: (True, False), lambda: clock)
    for _ in range(100):
        requests.tick()
        if board.sent:
            for message in board.sent:
                requests.handle(Ack(1, str(message["type"]), False, "unsupported", "no"))
        clock += 1
    assert len(board.sent) == 2


# ---- the loop


def looped(
    form: str, *turns: list[ReconnectingItem], once: bool = True, seconds: float = 20.0
) -> tuple[bool, list[str]]:
    board, out = monitored_board(*turns), io.StringIO()
    whole_events = form in ("tsv", "audacity")
    found = run_monitor([board], OneBoard(board), [Lines(form, out)], once, whole_events, seconds)
    return found, out.getvalue().splitlines()


def test_once_ends_at_the_first_onset_or_at_the_first_whole_event() -> None:
    turns = [[status()], [on(1), on(2, "dog")], [off(2, "dog")], [off(1)]]
    found, rows = looped("text", *[list(turn) for turn in turns])
    assert (found, len(rows)) == (True, 1)
    found, rows = looped("tsv", *[list(turn) for turn in turns])
    assert (found, [row.split("\t")[3] for row in rows[1:]]) == (True, ["dog"])
    assert looped("text", [status()], seconds=0.3)[0] is False


def test_importing_the_parts_needs_neither_rich_nor_paho_nor_numpy() -> None:
    code = (
        "import sys, soundsdk.monitor.loop, soundsdk.monitor.table.live, soundsdk.monitor.mqtt.publisher;"
        "import soundsdk.commands.monitor;"
        "sys.exit(any(m in sys.modules for m in ('rich', 'paho', 'numpy', 'serial', 'http.server')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_record_is_one_line() -> None:
    assert line({"a": "\n"}) == '{"a":"\\n"}'
