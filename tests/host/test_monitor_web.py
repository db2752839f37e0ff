"""The page of `soundsdk monitor --web`: who may have it, and what a browser shows of a board that plays a scene."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import soundfile
from chromium import Chromium
from tone_boards import MODEL, beeps

from sim.tiny_model import HZ, band_of
from soundsdk.errors import PortError
from soundsdk.labels import parse_audacity
from soundsdk.monitor.page.server import CLIENTS, PING_S, QUEUED, PageServer, page
from waiting import PATIENCE_S, wait_until


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[PageServer]:
    """Serve on a free port; the parameter, if a test gives one, is the ping_s."""
    server = PageServer(ping_s=getattr(request, "param", PING_S))
    yield server
    server.close()


def get(server: PageServer, path: str, host: str | None = None, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_only_the_address_with_the_token_is_answered(server: PageServer) -> None:
    assert get(server, f"/{server.token}/")[0] == 200
    assert get(server, f"/{server.token}/", host=f"localhost:{server.port}")[0] == 200
    wrong = ["/", "/events", f"/{server.token}", f"/{server.token}/x", f"/{server.token}/../", f"/{server.token[:-1]}/",
             f"/{server.token}x/", "/%00/", f"/?token={server.token}"]  # fmt: skip
    for path in wrong:
        status, body = get(server, path)
        assert (path, status, body) == (path, 403, b"")
    for method in ("POST", "PUT", "HEAD", "OPTIONS", "DELETE"):
        assert get(server, f"/{server.token}/", method=method)[0] == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1.evil.example:{port}", "0.0.0.0:{port}", "x:{port}"]
)
def test_another_host_name_is_refused(server: PageServer, host: str) -> None:
    """DNS rebinding: a name of somebody else that leads to this computer."""
    assert get(server, f"/{server.token}/", host=host.format(port=server.port))[0] == 403
    assert get(server, f"/{server.token}/events", host=host.format(port=server.port))[0] == 403


def test_tokens_are_long_and_never_the_same() -> None:
    servers = [PageServer() for _ in range(3)]
    assert len({server.token for server in servers}) == 3
    assert all(len(server.token) >= 24 for server in servers)
    for server in servers:
        server.close()


def test_it_listens_on_this_computer_only(server: PageServer) -> None:
    # Private: the address that the socket is bound to has no other witness.
    assert server._http.server_address[0] == "127.0.0.1"
    # All of 127.0.0.0/8 is this computer on Linux: a server on every address would answer here as well.
    address = "127.0.0.2"
    with pytest.raises((ConnectionError, TimeoutError)):
        socket.create_connection((address, server.port), timeout=2)


def test_a_port_that_is_taken_is_4(server: PageServer) -> None:
    with pytest.raises(PortError, match="cannot be served"):
        PageServer(server.port)


def test_the_page_has_all_it_needs_inside() -> None:
    """No other address in it, and a policy that would not let it load one."""
    body, policy = page()
    text = body.decode()
    assert "/*style*/" not in text
    assert "/*script*/" not in text
    assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text)
    assert not re.findall(r"(?:src|href)=\"(?!data:,)", text)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_a_page_that_is_behind_is_dropped_and_the_others_go_on(server: PageServer) -> None:
    slow, quick = server.join(), server.join()
    assert slow is not None
    assert quick is not None
    assert server.new_clients() == [slow, quick]
    assert server.new_clients() == []
    got = 0
    for i in range(QUEUED + 10):
        server.publish(str(i))
        assert quick.queue.get_nowait() == str(i)
        got += 1
    assert got == QUEUED + 10
    assert slow.queue.qsize() == QUEUED + 1, "and the end"
    # Private: a dropped browser is to be forgotten, which only the list shows.
    assert server._clients == [quick]


def test_there_may_be_so_many_pages_and_no_more(server: PageServer) -> None:
    clients = [server.join() for _ in range(CLIENTS)]
    assert None not in clients
    assert get(server, f"/{server.token}/events")[0] == 503


@pytest.mark.parametrize("server", [0.2], indirect=True)
def test_the_feed_is_server_sent_events(server: PageServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as peer:
        peer.sendall(f"GET /{server.token}/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        wait_until(server.new_clients)
        server.publish('{"kind":"x"}')
        data = b""
        while b": still here" not in data:
            data += peer.recv(4096)
    assert b"Content-Type: text/event-stream" in data
    assert b'\n\ndata: {"kind":"x"}\n\n' in data

    def forgotten() -> bool:
        server.publish("{}")
        return not server.watched

    wait_until(forgotten)


# ---- in a browser

SHOWN_S = 60


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    soundfile.write(folder / "beeps.wav", np.tile(beeps(4, 2.0), 30), 16000, subtype="PCM_16")
    (folder / "tones.tflite").write_bytes(MODEL)
    return folder


def monitor_of(where: str, *more: str) -> tuple[subprocess.Popen[str], str]:
    """Start `soundsdk monitor --web` at boards, and return its address."""
    words = [sys.executable, "-m", "soundsdk", "monitor", "-p", where, *more, "--web", "--format", "jsonl"]
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


@pytest.fixture
def monitor(sounds: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`soundsdk monitor --web` at a virtual board, and its address."""
    process, url = monitor_of(f"sim:sim,file={sounds / 'beeps.wav'},model={sounds / 'tones.tflite'}")
    yield process, url
    end(process)


def text(browser: Chromium, selector: str) -> str:
    return str(browser.run(f"document.querySelector({json.dumps(selector)}).innerText"))


_INKED = """(() => { const c = document.querySelector(%s); const d = c.getContext("2d")
    .getImageData(0, 0, c.width, c.height).data; const seen = new Set();
    for (let i = 0; i < d.length; i += 4) if (d[i + 3]) seen.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]);
    return seen.size; })()"""


def colours(browser: Chromium, selector: str) -> int:
    """Count the different colours that a canvas shows."""
    return int(browser.run(_INKED % json.dumps(selector)))


def test_the_page_shows_what_the_board_hears(
    monitor: tuple[subprocess.Popen[str], str], browser: Chromium, tmp_path: Path
) -> None:
    process, url = monitor
    browser.view(1280, 860)
    browser.go(url)
    browser.wait("document.querySelector('#state').textContent == 'connected'")
    assert text(browser, "h1") == "sim · tones"
    browser.wait("document.querySelectorAll('#rows li').length == 2")
    assert [text(browser, f"#rows li:nth-child({i}) .name") for i in (1, 2)] == ["high", "low"]
    browser.wait("document.querySelectorAll('#events tbody tr').length >= 3", SHOWN_S)
    labels = browser.run("[...document.querySelectorAll('#events tbody tr td:nth-child(2)')].map(e => e.innerText)")
    assert set(labels) == {"high", "low"}
    lengths = browser.run("[...document.querySelectorAll('#events tbody tr td:nth-child(3)')].map(e => e.innerText)")
    assert all(re.fullmatch(r"\d\.\d s|now", length) for length in lengths)
    assert re.fullmatch(r"[−-]\d+\.\d dBFS", text(browser, "#level"))
    assert float(text(browser, "#rows li:nth-child(1) .value")) <= 1.0
    assert colours(browser, "#mel") > 20, "a spectrogram"
    assert colours(browser, "#rows canvas") > 3, "a score, a threshold, events"
    health = text(browser, "#health").split("\n")
    assert dict(zip(health[::2], health[1::2], strict=True))["Lines missing"] == "0"

    # The spectrogram is what the board's frontend made: the tone's band is the loudest while it sounds.
    seen = "[...state.spans.values()].find(s => s.label == 'high' && s.offset_s && s.onset_s > state.steps[0].at)"
    browser.wait(f"Boolean({seen})", SHOWN_S)
    loudest = browser.run(
        f"(() => {{ const on = {seen};"
        "const f = Math.round((on.onset_s + on.offset_s) / 2 / mel.hop) % mel.columns;"
        "const column = [...mel.raw.slice(f * mel.width, (f + 1) * mel.width)];"
        "return column.indexOf(Math.max(...column)); })()"
    )
    assert abs(loudest - band_of(HZ["high"])) <= 1

    # Loaded again it knows what was.
    count = len(labels)
    browser.go("about:blank")
    browser.go(url)
    browser.wait(f"document.querySelectorAll('#events tbody tr').length >= {count}", 10)
    assert browser.wait("state.steps.length > 20", 10)

    assert browser.complaints == []
    assert {u.split("/")[2] for u in browser.requests if u.startswith("http")} == {url.split("/")[2]}
    process.terminate()
    browser.wait("document.querySelector('#state').textContent == 'monitor not reached'")


def test_the_page_saves_its_events_as_labels_that_training_reads(
    monitor: tuple[subprocess.Popen[str], str], browser: Chromium
) -> None:
    _, url = monitor
    browser.view(1280, 860)
    # Hidden until there are events, which may come before the page can be asked.
    assert '<button id="save" type="button" hidden>' in (files("soundsdk.monitor.page") / "page.html").read_text()
    browser.go(url)
    browser.wait("[...state.spans.values()].filter(s => s.offset_s !== null).length >= 3", SHOWN_S)
    browser.wait("!document.querySelector('#save').hidden", SHOWN_S)
    browser.run(
        "URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); return 'blob:x'; };"
        "HTMLAnchorElement.prototype.click = function () { window.named = this.download; };"
        "document.querySelector('#save').click()"
    )
    browser.wait("Boolean(window.saved)", 10)
    assert browser.run("window.named") == "events.txt"
    spans = parse_audacity(browser.run("window.saved"))
    shown = browser.run("[...state.spans.values()].map(s => [s.onset_s, s.offset_s, s.label])")
    ended = [(onset, offset, label) for onset, offset, label in shown if offset is not None]
    assert len(spans) >= 3
    for span in spans[:3]:
        assert any(abs(span.onset_s - o) < 1e-5 and abs(span.offset_s - e) < 1e-5 and span.label == n
                   for o, e, n in ended)  # fmt: skip
    assert browser.complaints == []


def test_the_page_can_be_used_with_a_keyboard_and_fits_a_narrow_window(
    monitor: tuple[subprocess.Popen[str], str], browser: Chromium, tmp_path: Path
) -> None:
    _, url = monitor
    for width, dark in ((1280, False), (400, True), (320, False)):
        browser.view(width, 800, dark)
        browser.go(url)
        browser.wait("document.querySelector('#state').textContent == 'connected'")
        browser.wait("document.querySelectorAll('#rows li').length == 2")
        assert browser.run("document.documentElement.scrollWidth") <= width, "nothing to scroll sideways"
        luminance = browser.run(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number).reduce((a, b) => a + b) / 3"
        )
        assert (luminance < 80) == dark
    reached = []
    for _ in range(4):
        browser.press("Tab", 9)
        reached.append(browser.run("document.activeElement.id || document.activeElement.className"))
    assert reached[:3] == ["span", "pause", "scroll"]
    browser.run("document.querySelector('#pause').focus()")
    browser.press("Enter", 13)
    assert browser.run("document.querySelector('#pause').getAttribute('aria-pressed')") == "true"
    before = browser.run("now()")
    time.sleep(0.5)
    assert browser.run("now()") == before
    browser.press("Enter", 13)
    assert browser.wait(f"now() > {before}")
    named = browser.run(
        "[...document.querySelectorAll('canvas:not([aria-hidden]), button, select, [role=region], [role=meter]')]"
        ".every(e => e.innerText || e.labels?.length || ['label', 'labelledby'].some(n => e.getAttribute(`aria-${n}`)))"
    )
    assert named


@pytest.mark.parametrize("several", [False, True])
def test_the_page_says_that_a_recording_is_over(sounds: Path, browser: Chromium, several: bool, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", beeps(1, 2.0), 16000, subtype="PCM_16")
    model = f"model={sounds / 'tones.tflite'}"
    more = ["-p", f"sim:rpi_pico,file={sounds / 'beeps.wav'},{model}"] if several else []
    process, url = monitor_of(f"sim:sim,file={tmp_path / 'short.wav'},{model},seed=1", *more)
    try:
        browser.view(1280, 860)
        browser.go(url)
        browser.wait("document.querySelector('#state').textContent == 'the recording is over'", SHOWN_S)
        assert browser.run("document.querySelector('#state').dataset.state") == "on", "the board is still there"
        if several:
            browser.go("about:blank")
            browser.go(f"{url}#board=1")
            browser.wait("document.querySelector('#state').textContent == 'connected'")
    finally:
        end(process)


def test_the_list_of_events_ends_with_a_whole_row(
    monitor: tuple[subprocess.Popen[str], str], browser: Chromium
) -> None:
    _, url = monitor
    browser.view(1280, 860)
    browser.go(url)
    browser.wait("document.querySelectorAll('#events tbody tr').length >= 1", SHOWN_S)
    # The list fills slowly: it is filled with the same event.
    bottoms, bottom = browser.run(
        "(() => { const one = [...state.spans.values()][0];"
        "for (let i = 0; i < 20; i++) state.spans.set(`x${i}`, {...one, active: false, time: one.time - i});"
        "showEvents(); const list = document.querySelector('.scroll').getBoundingClientRect();"
        "const rows = [...document.querySelectorAll('#events tbody tr')].map(e => e.getBoundingClientRect().bottom);"
        "return [rows, list.bottom]; })()"
    )
    assert len(bottoms) > 20
    assert min(abs(one - bottom) for one in bottoms) <= 1
