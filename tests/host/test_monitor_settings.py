"""Settings on the page of `soundsdk monitor --web`: who may change them, and what comes of it."""

from __future__ import annotations

import http.client
import json
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import Chromium

from random_rules import random_rule
from soundfw.act import rules
from soundsdk.cli import run
from soundsdk.device.messages import Ack, Hello
from soundsdk.device.protocol import Counts
from soundsdk.device.reconnect import Disconnected
from soundsdk.errors import UsageError
from soundsdk.monitor.boards.board import monitored
from soundsdk.monitor.boards.identity import Identity
from soundsdk.monitor.page.changes import ANSWER_S, BoardChanges
from soundsdk.monitor.page.server import CHANGE_BYTES, ChangeRequest, PageServer
from waiting import PATIENCE_S, wait_until

LABEL = "siren"


def post(
    url: str, body: bytes, host: str = "", method: str = "POST", path: str = "set", **headers: str | None
) -> tuple[int, bytes]:
    """Send a request to a page as the page does; headers: by their names with _, in place of its own; None: without."""
    address, token = re.fullmatch(r"http://([^/]+)/([^/]+)/", url).groups()  # type: ignore[union-attr]
    own = {"Host": host or address, "Origin": f"http://{address}", "Content-Type": "application/json",
           "Content-Length": str(len(body))}  # fmt: skip
    sent = own | {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
    connection.putrequest(method, f"/{token}/{path}", skip_host=True)
    for name, value in sent.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def change(url: str, *words: str, board: int = 0, keep: bool = True) -> dict[str, Any]:
    status, data = post(url, json.dumps({"board": board, "words": words, "keep": keep}).encode())
    assert status == 200
    return dict(json.loads(data))


# ---- who may


@pytest.fixture
def server() -> Iterator[PageServer]:
    server = PageServer()
    yield server
    server.close()


BODY = json.dumps({"board": 0, "words": [f"threshold.{LABEL}=0.5"], "keep": True}).encode()


def test_a_change_is_taken_from_the_page_itself_only(server: PageServer) -> None:
    port = server.port
    refused: list[dict[str, Any]] = [
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": f"http://127.0.0.1:{port + 1}"},
        {"Origin": f"https://127.0.0.1:{port}"},
        {"Origin": f"http://localhost:{port}"},  # the page was loaded from 127.0.0.1
        {"Origin": f"http://evil.example:{port}", "host": f"evil.example:{port}"},
        {"host": "evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"path": ""},
        {"path": "events"},
        {"path": "set/"},
        {"method": "PUT"},
        {"method": "OPTIONS"},  # what a browser asks before it sends JSON to another origin
    ]
    for headers in refused:
        assert post(server.url, BODY, **headers) == (403, b""), headers
    assert post(server.url.replace(server.token, server.token[:-1] + "x"), BODY)[0] == 403
    assert post(server.url, b"", method="GET", Content_Length=None)[0] == 403
    # A form may send these without asking first.
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None):
        assert post(server.url, BODY, Content_Type=kind)[0] == 400
    assert server.changes.empty()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 5000, b'{"board": 0, "words": ["a"]}',
     b'{"board": 0, "words": ["a"], "keep": 1}', b'{"board": 0, "words": "a", "keep": true}',
     b'{"board": true, "words": [], "keep": true}', b'{"board": 0, "words": [1], "keep": true}',
     b'{"board": "0", "words": [], "keep": true}', b'{"board": 0, "words": [], "keep": true, "x": 1}'],
)  # fmt: skip
def test_what_is_no_change_is_refused(server: PageServer, body: bytes) -> None:
    assert post(server.url, body) == (400, b"")
    assert server.changes.empty()


def test_a_long_change_is_refused_before_it_is_read(server: PageServer) -> None:
    assert post(server.url, b"", Content_Length=str(CHANGE_BYTES + 1)) == (413, b"")
    for length in ("-1", "1e3", "", "99999999999", None):
        assert post(server.url, b"", Content_Length=length)[0] == 400
    assert server.changes.empty()


def test_a_change_of_the_page_waits_for_its_answer(server: PageServer) -> None:
    answers: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: answers.append(change(server.url, f"threshold.{LABEL}=0.5", keep=False)))
    asking.start()
    request = server.changes.get(timeout=PATIENCE_S)
    assert (request.board, request.words, request.keep) == (0, (f"threshold.{LABEL}=0.5",), False)
    assert answers == []
    request.finish(UsageError("it cannot be.", "Leave it."))
    asking.join(timeout=PATIENCE_S)
    assert answers == [{"ok": False, "error": "it cannot be.", "hint": "Leave it."}]


# ---- what comes of it, without a browser


class FakeSource:
    """A Source that keeps what is sent."""

    def __init__(self) -> None:
        self.hello = Hello(0, 1, "0.1.0", "rpi_pico", "home", "", 16000)
        self.path = "/dev/ttyACM0"
        self.counts = Counts()
        self.sent: list[dict[str, Any]] = []

    def read_all(self, timeout_s: float) -> list[Any]:
        return []

    def send(self, kind: str, **members: Any) -> None:
        self.sent.append({"type": kind, **members})


def described() -> Ack:
    """Return what a board with one class says of it."""
    limits = {"on": 600, "off": 400, "min_ms": 0, "hold_ms": 0}
    return Ack(0, "model", True, extra={"classes": 1, "class": 0, "label": "a", **limits})


def ack(ok: bool = True, error: str = "", detail: str = "") -> Ack:
    return Ack(0, "set", ok, error, detail)


def asked(changes: BoardChanges, *words: str) -> ChangeRequest:
    request = ChangeRequest(0, words, True)
    changes.add(request)
    changes.tick()
    return request


def test_a_change_ends_with_its_answer_its_board_or_its_time() -> None:
    source, clock = FakeSource(), [0.0]
    board = monitored(source, Identity("rpi_pico", "pico"))
    changes = BoardChanges(board, lambda: clock[0])
    done, after = asked(changes, "threshold.a=0.5", "action.b=led"), asked(changes, "off.a=0.25")
    assert source.sent == [], "not before the board has said what it has"
    board.requests.handle(described())
    changes.tick()
    assert source.sent == [{"type": "set", "label": "a", "on": 500, "keep": True}]
    changes.handle(ack())
    assert source.sent[1:] == [{"type": "set", "label": "b", "action": "led", "keep": True}]
    changes.tick()
    assert len(source.sent) == 2, "one after the other"
    changes.handle(ack())
    assert done.answer(0) == {"ok": True}
    changes.tick()
    assert (len(source.sent), board.requests.complete) == (2, False), "its classes are asked for again"
    board.requests.handle(described())
    changes.tick()
    changes.handle(ack(False, "detector.threshold", "off must not be above on"))
    assert after.answer(0)["error"] == "the board rejects set: off must not be above on (detector.threshold)."
    board.requests.handle(described())
    gone = asked(changes, "off.a=0.25")
    changes.handle(Disconnected("/dev/ttyACM0"))
    assert gone.answer(0)["error"] == "the board went away before it had answered."
    changes.handle(ack())  # nobody waits for this one
    board.requests.handle(described())
    silent = asked(changes, "off.a=0.25")
    clock[0] += ANSWER_S - 0.1
    changes.tick()
    sent = len(source.sent)
    clock[0] += 0.2
    changes.tick()
    assert len(source.sent) == sent, "it is not sent twice"
    assert silent.answer(0)["error"] == "the board at /dev/ttyACM0 has not answered set for 5 s."
    board.state.connected = False
    assert asked(changes, "off.a=0.25").answer(0)["error"] == "the board is unplugged."
    assert asked(changes).answer(0)["ok"] is False


def test_a_change_that_the_page_calls_failed_is_not_carried_out_later() -> None:
    source = FakeSource()
    board = monitored(source, Identity("rpi_pico", "pico"))
    changes = BoardChanges(board, lambda: 0.0)
    waiting = asked(changes, "off.a=0.25")
    assert waiting.answer(0)["error"] == "the monitor has not answered."
    board.requests.handle(described())
    changes.tick()
    assert source.sent == []
    halfway = asked(changes, "off.a=0.25", "off.b=0.25")
    assert halfway.answer(0)["ok"] is False
    changes.handle(ack())
    assert [sent["label"] for sent in source.sent] == ["a"]
    board.requests.handle(described())
    after = asked(changes, "off.c=0.25")
    assert [sent["label"] for sent in source.sent] == ["a", "c"]
    changes.handle(ack())
    assert after.answer(0) == {"ok": True}


@pytest.mark.parametrize("lost", [False, True])
def test_a_late_answer_is_not_that_of_the_next_change(lost: bool) -> None:
    source, clock = FakeSource(), [0.0]
    board = monitored(source, Identity("rpi_pico", "pico"))
    changes = BoardChanges(board, lambda: clock[0])
    board.requests.handle(described())
    asked(changes, "off.a=0.25")
    clock[0] += ANSWER_S + 0.1
    changes.tick()
    if lost:  # what was asked after it is answered, and it is not
        board.requests.handle(described())
        changes.handle(described())
    else:  # the board says nothing of its classes either
        board.requests.handle(Ack(0, "model", False))
    second = asked(changes, "off.b=0.25")
    assert source.sent[-1]["label"] == "b"
    if not lost:
        changes.handle(ack())  # of the first
        changes.handle(ack(False, "detector.threshold", "off must not be above on"))
        assert second.answer(0)["ok"] is False
    else:
        changes.handle(ack())
        assert second.answer(0) == {"ok": True}


# ---- at virtual boards


def monitor_at(*addresses: str) -> tuple[subprocess.Popen[str], str]:
    words = [sys.executable, "-m", "soundsdk", "monitor", "--web", "--format", "jsonl"]
    words += [word for address in addresses for word in ("-p", address)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/\S+/", process.stderr.readline())
    assert found is not None
    return process, found[0]


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


@pytest.fixture(scope="module")
def pico() -> Iterator[str]:
    process, url = monitor_at("sim:rpi_pico")
    yield url
    end(process)


def classes(url: str, board: int = 0) -> dict[str, dict[str, Any]]:
    """Return the classes of a board as its feed says they are, once it has said all."""
    address, token = re.fullmatch(r"http://([^/]+)/([^/]+)/", url).groups()  # type: ignore[union-attr]
    connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
    connection.request("GET", f"/{token}/events?board={board}")
    answer = connection.getresponse()
    deadline = time.monotonic() + PATIENCE_S
    try:
        while time.monotonic() < deadline:
            line = answer.fp.readline()
            if not line.startswith(b"data: "):
                continue
            message = json.loads(line[6:])
            for one in [message, *message.get("messages", ())]:
                if one["kind"] == "classes" and len(one["classes"]) == 4:
                    return {entry["label"]: entry for entry in one["classes"]}
    finally:
        connection.close()
    raise AssertionError("the page has no classes")


def test_a_change_is_made_on_the_board_and_shown_as_the_board_says_it(pico: str) -> None:
    before = classes(pico)
    words = [f"threshold.{LABEL}=0.75", f"min_ms.{LABEL}=300", f"action.{LABEL}=pin:15,high,2s"]
    assert change(pico, *words) == {"ok": True}
    wait_until(lambda: classes(pico)[LABEL]["action"] == "pin:15,high,2s")
    now = classes(pico)
    assert (now[LABEL]["on"], now[LABEL]["min_ms"], now[LABEL]["off"]) == (750, 300, before[LABEL]["off"])
    assert {label: now[label] for label in now if label != LABEL} == {
        label: before[label] for label in before if label != LABEL
    }
    assert change(pico, f"action.{LABEL}=none", keep=False) == {"ok": True}
    wait_until(lambda: not classes(pico)[LABEL]["action"])
    assert change(pico, f"threshold.{LABEL}=0.5", board=7)["error"] == "this monitor has no such board."


@pytest.mark.parametrize(
    "words",
    [
        [f"action.{LABEL}=pin:49,high"],
        [f"action.{LABEL}=pin:3,high,2h"],
        [f"action.{LABEL}=tone:3,5hz"],
        [f"action.{LABEL}=pin:16,high"],
        [f"action.{LABEL}=pin:3,high+pin:23,low"],
        [f"action.{LABEL}=tone:4,880hz", "action.smoke_alarm=tone:5,2000hz"],
        [f"threshold.{LABEL}=1.5"],
        [f"threshold.{LABEL}=0.1", f"off.{LABEL}=0.4"],
        [f"min_ms.{LABEL}=90000"],
        [f"loud.{LABEL}=3"],
        [LABEL],
    ],
)
def test_what_cannot_be_is_refused_in_the_sentence_of_soundsdk_set(
    pico: str, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    before = classes(pico)
    answer = change(pico, *words)
    assert answer["ok"] is False
    assert run(["set", "-p", "sim:rpi_pico", *words]) in (2, 5)
    said = " ".join(capfd.readouterr().err.split())
    assert said == " ".join(f"soundsdk: {answer['error']} {answer['hint']}".split())
    assert classes(pico) == before


def test_with_several_boards_the_right_one_is_changed() -> None:
    process, url = monitor_at("sim:rpi_pico", "sim:esp32s3_devkit")
    try:
        before = classes(url, 0)
        assert change(url, f"action.{LABEL}=pin:39,low,1s", board=1) == {"ok": True}
        wait_until(lambda: classes(url, 1)[LABEL]["action"] == "pin:39,low,1s")
        assert classes(url, 0) == before
        refused = change(url, f"action.{LABEL}=pin:39,low,1s", board=0)
        assert "GPIO 39 of this board is not free" in refused["error"]
    finally:
        end(process)


# ---- in a browser


ROW = f"[...document.querySelectorAll('#classes > li')].find(li => li.innerText.includes('{LABEL}'))"


def opened(browser: Chromium, url: str) -> None:
    browser.go(url)
    browser.wait("document.querySelectorAll('#classes > li').length == 4")
    browser.run(f"{ROW}.querySelector('[data-change]').click()")
    assert browser.run("document.querySelectorAll('.edit').length") == 1


def put(browser: Chromium, control: str, value: str) -> None:
    """Fill in a field of the form, as typing or choosing does."""
    event = "change" if browser.run(f"{control}.tagName") == "SELECT" else "input"
    happens = f"dispatchEvent(new Event('{event}', {{bubbles: true}}))"
    browser.run(f"{control}.value = {json.dumps(value)}; {control}.{happens}")
    assert browser.run(f"{control}.value") == value


def labelled(name: str, row: int = 0) -> str:
    """Return the script of the field with that name, in that action."""
    where = f"[...document.querySelectorAll('.edit .action')][{row}]"
    called = f"l.firstElementChild.innerText == {json.dumps(name)}"
    return f"[...{where}.querySelectorAll('label')].find(l => {called}).lastElementChild"


def click(browser: Chromium, text: str) -> None:
    browser.run(f"[...document.querySelectorAll('.edit button')].find(b => b.innerText == {json.dumps(text)}).click()")


def test_a_rule_is_made_changed_and_taken_away_in_the_form(pico: str, browser: Chromium) -> None:
    browser.view(1280, 900)
    assert change(pico, f"action.{LABEL}=none") == {"ok": True}
    opened(browser, pico)
    click(browser, "Add an action")
    # The microphone's GPIOs and the LED's are not offered.
    offered = browser.run(f"[...{labelled('GPIO')}.options].map(o => Number(o.value))")
    assert offered == [*range(16), *range(19, 23), 26, 27, 28]
    put(browser, labelled("GPIO"), "15")
    put(browser, labelled("How long"), "pulse")
    put(browser, labelled("Each"), "250ms")
    click(browser, "Add an action")
    put(browser, labelled("Output", 1), "led")
    put(browser, labelled("How long", 1), "blink")
    threshold = "document.querySelector('.edit .limit input')"
    put(browser, threshold, "0.8")
    words = f"threshold.{LABEL}=0.8 action.{LABEL}=pin:15,high,pulse,250ms,3+led,blink,500ms,2s"
    assert browser.run("document.querySelector('.edit code').innerText") == f"soundsdk set {words}"
    click(browser, "Save")
    browser.wait("!document.querySelector('.edit')")
    shown = "from 0.8, ends below 0.7 GPIO 15 high, 3 × 250ms + LED blinks every 500ms for 2s"
    browser.wait(f"{ROW}.innerText.replaceAll('\\n', ' ').replaceAll('\\t', ' ').includes({json.dumps(shown)})")
    assert browser.run("document.activeElement.dataset.change") == LABEL

    # What the board refuses is said in the form, which stays open.
    browser.run(f"{ROW}.querySelector('[data-change]').click()")
    put(browser, labelled("Each"), "2h")
    browser.run("document.querySelector('.edit').noValidate = true")
    click(browser, "Save")
    browser.wait("document.querySelector('.problem').innerText")
    assert "width must be 50ms..60s, not 2h." in browser.run("document.querySelector('.problem').innerText")
    put(browser, labelled("Each"), "300ms")
    assert browser.run("document.querySelector('.problem').innerText") == ""
    click(browser, "Cancel")
    assert classes(pico)[LABEL]["action"] == "pin:15,high,pulse,250ms,3+led,blink,500ms,2s"

    # Loaded again it shows the same, and takes it away.
    opened(browser, pico)
    assert browser.run(f"{labelled('Each')}.value") == "250ms"
    for _ in range(2):
        click(browser, "Remove")
    browser.run("document.querySelector('.edit .keep input').click()")
    assert browser.run("document.querySelector('.edit code').innerText") == (
        f"soundsdk set action.{LABEL}=none --until-restart"
    )
    click(browser, "Save")
    browser.wait(f"!document.querySelector('.edit') && {ROW}.innerText.includes('does nothing')")
    assert not classes(pico)[LABEL]["action"]
    assert browser.complaints == []
    assert {u.split("/")[2] for u in browser.requests if u.startswith("http")} == {pico.split("/")[2]}


def test_what_the_form_cannot_send_it_says_in_its_own_words(pico: str, browser: Chromium) -> None:
    browser.view(1280, 900)
    assert change(pico, f"action.{LABEL}=none", f"threshold.{LABEL}=0.8", f"off.{LABEL}=0.7") == {"ok": True}
    opened(browser, pico)
    begins = "document.querySelector('.edit .limit input')"
    command = "document.querySelector('.edit code').textContent"
    # An empty number is no value to preview, nor is one that cannot be.
    for wrong in ("", "1.5", "0"):
        put(browser, begins, wrong)
        assert browser.run(command) == ""
    put(browser, begins, "0.5")
    assert browser.run(command) == f"soundsdk set threshold.{LABEL}=0.5"
    click(browser, "Save")
    said = "“Ends below” must not be above “Begins at a score of”."
    browser.wait(f"document.querySelector('.problem').textContent == {json.dumps(said)}")
    put(browser, begins, "0.8")

    click(browser, "Add an action")
    wanted = {"last": "Write a time from 20 ms to 1 h, such as 250ms or 2s"}
    wanted |= {"width": "Write a time from 50 ms to 1 min", "period": "Write a time from 100 ms to 1 min"}
    put(browser, labelled("How long"), "time")
    for name, kind, key in (("Time", "time", "last"), ("Each", "pulse", "width"), ("Every", "blink", "period")):
        put(browser, labelled("How long"), kind)
        for wrong in ("2h", "5ms", "4000s", "", "1,5s", "0.0001s"):
            put(browser, labelled(name), wrong)
            assert browser.run(f"{labelled(name)}.validationMessage").startswith(wanted[key]), wrong
            assert browser.run(command) == ""
        for right in ("250ms", "0.25s", " 2S "):
            put(browser, labelled(name), right)
            assert browser.run(f"{labelled(name)}.validationMessage") == ""
            assert browser.run(command).startswith("soundsdk set ")
    put(browser, labelled("For"), "event")
    assert browser.run(f"{labelled('For')}.validationMessage") == ""
    put(browser, labelled("For"), "evnt")
    assert browser.run(f"{labelled('For')}.validationMessage").endswith("2s, or event: as long as it lasts.")
    click(browser, "Save")  # the browser shows the sentence, and sends nothing
    assert browser.run("document.querySelectorAll('.edit').length") == 1
    assert browser.run(f"{begins}.closest('form').checkValidity()") is False
    assert not classes(pico)[LABEL]["action"]
    assert classes(pico)[LABEL]["off"] == 700
    assert browser.complaints == []


def test_on_a_phone_settings_are_above_health(pico: str, browser: Chromium) -> None:
    tops = "['events', 'settings', 'health'].map(id => document.getElementById(id).getBoundingClientRect().top)"
    for width in (390, 900):
        browser.view(width, 844)
        browser.go(pico)
        browser.wait("document.querySelectorAll('#classes > li').length == 4")
        events, settings, health = browser.run(tops)
        assert events < settings < health
    browser.view(1280, 844)
    assert browser.run("document.getElementById('settings').getBoundingClientRect().right") < browser.run(
        "document.getElementById('health').getBoundingClientRect().left"
    )


def test_the_form_says_the_same_rule_as_its_text(pico: str, browser: Chromium) -> None:
    """Read 200 random rules as the page does, and write them again: each is the same rule."""
    browser.go(pico)
    rng = random.Random(3)
    texts = ["+".join(random_rule(rng, range(29)).text for _ in range(rng.randint(1, 4))) for _ in range(200)]
    written = browser.run(f"{json.dumps(texts)}.map((text) => writeRule(readRule(text)))")
    for text, again in zip(texts, written, strict=True):
        assert [vars(one) for one in rules.parse(again)] == [vars(one) for one in rules.parse(text)], (text, again)
    assert browser.run("[writeRule(readRule('')), writeRule(readRule('none'))]") == ["none", "none"]


def test_the_form_can_be_used_with_a_keyboard_and_fits_a_phone(pico: str, browser: Chromium) -> None:
    for width, dark in ((1280, False), (390, True), (320, False)):
        browser.view(width, 844, dark)
        opened(browser, pico)
        for output in ("pin", "tone", "led"):
            click(browser, "Add an action")
            last = browser.run("document.querySelectorAll('.edit .action').length") - 1
            put(browser, labelled("Output", last), output)
            put(browser, labelled("How long", last), "blink")
        assert browser.run("document.documentElement.scrollWidth") <= width, "nothing to scroll sideways"
        named = browser.run(
            "[...document.querySelectorAll('#settings :is(button, select, input)')]"
            ".every(e => e.innerText || e.labels?.length || e.getAttribute('aria-label'))"
        )
        assert named
        inside = browser.run(
            "(() => { const f = document.querySelector('.edit').getBoundingClientRect();"
            "return [...document.querySelectorAll('.edit :is(button, select, input)')]"
            ".map(e => e.getBoundingClientRect())"
            ".every(r => r.left >= f.left && r.right <= f.right && r.width > 12 && r.height >= 17); })()"
        )
        assert inside
        click(browser, "Cancel")
        assert browser.run("document.querySelectorAll('.edit').length") == 0
    # Enter in a field saves, as a form does.
    opened(browser, pico)
    put(browser, "document.querySelector('.edit .limit input')", "0.9")
    browser.run("document.querySelector('.edit .limit input').focus()")
    browser.press("Enter", 13)
    browser.wait("!document.querySelector('.edit')")
    wait_until(lambda: classes(pico)[LABEL]["on"] == 900)
    assert browser.complaints == []


def test_a_page_elsewhere_cannot_change_a_board_even_if_it_knows_the_address(pico: str, browser: Chromium) -> None:
    before = classes(pico)
    body = json.dumps({"board": 0, "words": [f"threshold.{LABEL}=0.123"], "keep": True})
    browser.go("about:blank")  # of no origin, and without a policy of its own
    for kind in ("application/json", "text/plain"):
        options = {"method": "POST", "mode": "no-cors", "headers": {"Content-Type": kind}, "body": body}
        browser.run(f"fetch('{pico}set', {json.dumps(options)}).catch(() => 0).then(() => {{ window.tried = true; }})")
        browser.wait("window.tried")
        browser.run("window.tried = false")
    assert classes(pico) == before
