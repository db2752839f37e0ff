"""The web page of `soundsdk monitor --web`: one file, served to this computer only, fed by Server-Sent Events.

http://127.0.0.1:PORT/TOKEN/ is the page, …/events its feed, and …/set takes its changes of a board's settings. Without
the token, or under another host name (as a page elsewhere could make a browser use), the answer is 403. So it is to a
change unless the browser says that this page sends it.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import json
import queue
import re
import secrets
import threading
from base64 import b64encode
from pathlib import Path

from soundsdk.errors import PortError, ProtocolError, SoundsdkError

CLIENTS = 8
QUEUED = 400  # messages; a browser that is further behind is dropped, and connects again
PING_S = 10.0
CHANGE_BYTES = 8192  # of a change, at most
CHANGE_S = 30.0  # until it is given up
_FILES = Path(__file__).parent


def page() -> tuple[bytes, str]:
    """Return the page with its style and script inside, and the Content-Security-Policy that allows nothing else."""
    style, script = ("".join((_FILES / f"{name}.{kind}").read_text("utf-8") for name in ("page", "settings"))
                     for kind in ("css", "js"))  # fmt: skip
    html = (_FILES / "page.html").read_text("utf-8")
    html = html.replace("/*style*/", style).replace("/*script*/", script)

    def digest(text: str) -> str:
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    allowed = f"style-src {digest(style)}; script-src {digest(script)}; connect-src 'self'; img-src data:"
    return html.encode(), f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Client:
    """One connected browser, which looks at one board. Its queue ends with None when it is dropped."""

    def __init__(self, board: int) -> None:
        self.board = board
        self.queue: queue.Queue[str | None] = queue.Queue(QUEUED + 1)
        self.greeted = False

    def put(self, message: str) -> bool:
        """Queue a message; return False if the browser is too far behind."""
        if self.queue.qsize() >= QUEUED:
            return False
        self.queue.put_nowait(message)
        return True


class ChangeRequest:
    """A change that a page asks for. board: its number; words: as of `soundsdk set`; keep: also after a restart."""

    def __init__(self, board: int, words: tuple[str, ...], keep: bool) -> None:
        self.board = board
        self.words = words
        self.keep = keep
        self.given_up = False  # the page has been told that it failed: it must not be carried out
        self._done = threading.Event()
        self._error: SoundsdkError | None = None

    @classmethod
    def of(cls, data: bytes) -> ChangeRequest:
        """Read the JSON of a page; ValueError if it is not what a page sends."""
        value = json.loads(data)
        if not isinstance(value, dict) or value.keys() != {"board", "words", "keep"}:
            raise ValueError
        board, words, keep = value["board"], value["words"], value["keep"]
        texts = isinstance(words, list) and all(isinstance(word, str) for word in words)
        if type(board) is not int or not texts or not isinstance(keep, bool):
            raise ValueError
        return cls(board, tuple(words), keep)

    def finish(self, error: SoundsdkError | None) -> None:
        """End it: done, or refused."""
        self._error = error
        self._done.set()

    def answer(self, timeout_s: float) -> dict[str, object]:
        """Wait for its end, and return the JSON for the page. It is given up if the end does not come in time."""
        if not self._done.wait(timeout_s):
            self.given_up = True
            self._error = ProtocolError("the monitor has not answered.", "Look at what it says on standard error.")
        error = self._error
        return {"ok": True} if error is None else {"ok": False, "error": error.message, "hint": error.hint}


class PageServer:
    """The server, in threads of its own. PortError if the TCP port is taken. changes: what pages ask for."""

    def __init__(self, port: int = 0, ping_s: float = PING_S) -> None:
        """Start serving. port 0: any free one. ping_s: the longest silence of the feed, which shows that it lives."""
        self.ping_s = ping_s
        self.token = secrets.token_urlsafe(18)
        self._lock = threading.Lock()
        self._clients: list[Client] = []
        self._closing = False
        self.changes: queue.SimpleQueue[ChangeRequest] = queue.SimpleQueue()
        self._page, self._policy = page()
        outer = self

        class Handler(_Handler):
            server_of_page = outer

        try:
            self._http = _Http(("127.0.0.1", port), Handler)
        except OSError as error:
            raise PortError(
                f"the page cannot be served at port {port}: {error.strerror or error}.", "Give --web another port."
            ) from error
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/{self.token}/"
        self._hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    @property
    def watched(self) -> bool:
        """True while a browser is connected."""
        return bool(self._clients)

    def new_clients(self) -> list[Client]:
        """Return the browsers that have connected since the last call; put() the current state into them first."""
        with self._lock:
            new = [client for client in self._clients if not client.greeted]
            for client in new:
                client.greeted = True
        return new

    def looks_at(self, board: int) -> bool:
        """Return True while a browser looks at a board."""
        return any(client.board == board for client in self._clients)

    def publish(self, message: str, board: int | None = None) -> None:
        """Queue a message for all greeted browsers (board: that look at it), without waiting."""
        with self._lock:
            meant = [c for c in self._clients if c.greeted and board in (None, c.board)]
            for client in [c for c in meant if not c.put(message)]:
                self._clients.remove(client)
                client.queue.put_nowait(None)

    def join(self, board: int = 0) -> Client | None:
        """Add a browser that looks at a board; None if there are too many."""
        with self._lock:
            if self._closing or len(self._clients) >= CLIENTS:
                return None
            client = Client(board)
            self._clients.append(client)
            return client

    def leave(self, client: Client) -> None:
        """Remove a browser."""
        with self._lock, contextlib.suppress(ValueError):
            self._clients.remove(client)

    def allows(self, host: str | None, path: str) -> str | None:
        """Return the name below the token if the request is allowed, else None."""
        head, slash, name = path.partition("?")[0].removeprefix("/").partition("/")
        ours = hmac.compare_digest(head.encode(), self.token.encode())
        return name if ours and slash and host in self._hosts else None

    def allows_change(self, host: str | None, path: str, origin: str | None, site: str | None) -> bool:
        """Return True for a change that our own page sends. origin, site: what its browser says (Fetch Metadata)."""
        ours = origin is not None and origin == f"http://{host}" and site in (None, "same-origin")
        return ours and self.allows(host, path) == "set"

    @property
    def answer(self) -> tuple[bytes, str]:
        """The page and its policy."""
        return self._page, self._policy

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            self._closing = True
            clients, self._clients = self._clients, []
        for client in clients:
            with contextlib.suppress(queue.Full):
                client.queue.put_nowait(None)
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=5)


class _Http(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore browsers that go away."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server_of_page: PageServer
    protocol_version = "HTTP/1.1"
    server_version = "soundsdk"
    sys_version = ""
    timeout = 30  # for a request; the feed waits for nothing from the browser

    def do_GET(self) -> None:
        """Answer a GET request."""
        name = self.server_of_page.allows(self.headers.get("Host"), self.path)
        if name == "":
            self._send_page()
        elif name == "events":
            self._feed()
        else:
            self._refuse(403)

    def do_POST(self) -> None:
        """Answer a POST request: a change, as JSON, from the page itself."""
        headers = self.headers
        if not self.server_of_page.allows_change(
            headers.get("Host"), self.path, headers.get("Origin"), headers.get("Sec-Fetch-Site")
        ):
            self._refuse(403)
            return
        length = headers.get("Content-Length", "")
        # No form of a page elsewhere can send this kind without asking first.
        if headers.get("Content-Type") != "application/json" or not re.fullmatch(r"\d{1,6}", length):
            self._refuse(400)
            return
        if int(length) > CHANGE_BYTES:
            self._refuse(413)
            return
        try:
            request = ChangeRequest.of(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            self._refuse(400)
            return
        self.server_of_page.changes.put(request)
        body = json.dumps(request.answer(CHANGE_S)).encode()
        self._head(200, "application/json", len(body))
        self.end_headers()
        self.wfile.write(body)

    def __getattr__(self, name: str) -> object:
        # Any other method: the base class asks for do_<method>.
        if name.startswith("do_"):
            return lambda: self._refuse(403)
        raise AttributeError(name)

    def _head(self, status: int, kind: str, length: int | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self._head(status, "text/plain", 0)
        self.send_header("Connection", "close")
        self.end_headers()

    def _send_page(self) -> None:
        body, policy = self.server_of_page.answer
        self._head(200, "text/html; charset=utf-8", len(body))
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def _feed(self) -> None:
        # …/events?board=N: the board that the browser shows in full.
        wanted = re.fullmatch(r"board=(\d{1,3})", self.path.partition("?")[2])
        client = self.server_of_page.join(int(wanted[1]) if wanted else 0)
        if client is None:
            self._refuse(503)
            return
        self.close_connection = True
        try:
            self._head(200, "text/event-stream", None)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"retry: 1000\n\n")
            while True:
                try:
                    message = client.queue.get(timeout=self.server_of_page.ping_s)
                except queue.Empty:
                    self.wfile.write(b": still here\n\n")
                    continue
                if message is None:
                    return
                # JSON has no line ends of its own.
                self.wfile.write(b"data: " + message.encode() + b"\n\n")
        except OSError:
            return
        finally:
            self.server_of_page.leave(client)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: standard error is for the board."""
