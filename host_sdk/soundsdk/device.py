"""A connected board: what it says, and what it is asked."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from soundsdk import address, protocol
from soundsdk.errors import ProtocolError
from soundsdk.messages import Ack, Event, Hello, Message, Status, parse
from soundsdk.transport import Transport, open_transport

ANSWER_S = 3.0
HELLO_S = 5.0
_ASK_EVERY_S = 0.5
_KEPT = 10000  # messages that come while an answer is awaited


class Refused(ProtocolError):
    """The board says no: `code` is its dotted error code, `detail` its sentence."""

    def __init__(self, re: str, code: str, detail: str) -> None:
        super().__init__(f"the board refuses {re}: {detail} ({code}).")
        self.code = code
        self.detail = detail


class Device:
    """A board that has said hello. Use it in a `with` statement, from one thread.

    with Device.open("auto") as device:
        for event in device.events():
            print(event.label, event.edge, event.t / device.hello.rate_hz)
    """

    def __init__(self, transport: Transport, hello_s: float = HELLO_S) -> None:
        """Asks for hello until it comes; ProtocolError if it does not within hello_s, Gone if the port goes."""
        self.transport = transport
        self._reader = protocol.Reader()
        self._waiting: deque[Message] = deque(maxlen=_KEPT)
        self.unknown = 0  # undamaged lines of a kind this version does not know
        self.overrun = 0  # messages nobody took in time
        self.hello = self._greet(hello_s)

    @classmethod
    def open(cls, where: str | None = None, hello_s: float = HELLO_S) -> Device:
        """Opens a board by its address (see soundsdk.address; default SOUNDSDK_PORT, else auto).

        DeviceError if there is none, PortError if its port is busy or not permitted, ProtocolError if nothing
        answers.
        """
        transport = open_transport(address.parse(where))
        try:
            return cls(transport, hello_s)
        except BaseException:
            transport.close()
            raise

    @property
    def counts(self) -> protocol.Counts:
        """Of the lines so far: messages, text, damaged, missing."""
        return self._reader.counts

    def _greet(self, limit_s: float) -> Hello:
        deadline = time.monotonic() + limit_s
        while (left := deadline - time.monotonic()) > 0:
            self.tell("hello")
            hello = self._await(Hello, "", min(_ASK_EVERY_S, left))
            if isinstance(hello, Hello):
                return hello
        counts = self.counts
        heard = (
            f"it sent {counts.text} lines of text and {counts.damaged} damaged ones"
            if counts.text or counts.damaged
            else ("it sent nothing")
        )
        raise ProtocolError(
            f"what is at {self.transport.path} does not answer as a soundsdk board: {heard}.",
            "Flash it with soundsdk flash, or reset it.",
        )

    def tell(self, kind: str, **members: Any) -> None:
        """Sends a command and waits for nothing."""
        self.transport.write(b"\n" + protocol.encode({"type": kind, **members}) + b"\n")

    def ask(self, kind: str, limit_s: float = ANSWER_S, **members: Any) -> Hello | Status | Ack:
        """Sends a command; its answer. Refused if the board says no, ProtocolError if no answer comes in time.

        What else comes meanwhile is kept for messages().
        """
        self.tell(kind, **members)
        wanted = {"hello": Hello, "status": Status}.get(kind, Ack)
        answer = self._await(wanted, kind, limit_s)
        if answer is None:
            raise ProtocolError(
                f"the board at {self.transport.path} has not answered {kind} for {limit_s:g} s.", "Reset it."
            )
        if isinstance(answer, Ack) and not answer.ok:
            raise Refused(kind, answer.error, answer.detail)
        assert isinstance(answer, (Hello, Status, Ack))
        return answer

    def _await(self, wanted: type[Any], re: str, limit_s: float) -> Message | None:
        deadline = time.monotonic() + limit_s
        while True:
            found: Message | None = None
            for message in self._receive(max(0.0, deadline - time.monotonic())):
                fits = isinstance(message, wanted) and (not isinstance(message, Ack) or message.re == re)
                if found is None and (fits or (re and isinstance(message, Ack) and message.re == re)):
                    found = message
                else:
                    self._keep(message)
            if found is not None or time.monotonic() >= deadline:
                return found

    def _keep(self, message: Message) -> None:
        self.overrun += len(self._waiting) == _KEPT
        self._waiting.append(message)

    def _receive(self, limit_s: float) -> list[Message]:
        out = []
        for line in self._reader.feed(self.transport.read(limit_s)):
            message = parse(line)
            if message is None:
                self.unknown += 1
            else:
                out.append(message)
        return out

    def messages(self, limit_s: float | None = None) -> Iterator[Message]:
        """What the board says, as it comes, until limit_s of silence (None: for ever); Gone if the port goes."""
        last = time.monotonic()
        while True:
            while self._waiting:
                yield self._waiting.popleft()
                last = time.monotonic()
            step = 0.2 if limit_s is None else min(0.2, limit_s - (time.monotonic() - last))
            if step <= 0:
                return
            for message in self._receive(step):
                self._keep(message)

    def events(self, limit_s: float | None = None) -> Iterator[Event]:
        """The events among messages()."""
        for message in self.messages(limit_s):
            if isinstance(message, Event):
                yield message

    def status(self) -> Status:
        """The board's counters now."""
        answer = self.ask("status")
        assert isinstance(answer, Status)
        return answer

    def close(self) -> None:
        """Closes the port; the board goes on."""
        self.transport.close()

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
