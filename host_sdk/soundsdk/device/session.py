"""A connected board: what it says, and what it is asked."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from soundfw.wire import framing
from soundsdk.device import address, protocol
from soundsdk.device.messages import Ack, Event, Hello, Message, Status, parse
from soundsdk.device.protocol import Damaged, Missing, Restarted, Text
from soundsdk.device.transport import Gone, Transport, open_transport
from soundsdk.errors import ProtocolError, UsageError

if TYPE_CHECKING:
    from soundsdk.device.system import System

ANSWER_S = 3.0
HELLO_S = 5.0
_ASK_EVERY_S = 0.5
_STEP_S = 0.2
_KEPT = 10000  # messages that come while an answer is awaited

Item: TypeAlias = "Message | Text | Damaged | Missing | Restarted"


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

    Opening resets no board. `hello` is the newest the board has said: after a restart it may run another detector.
    Every read raises soundsdk.device.transport.Gone when the port goes; soundsdk.device.reconnect.Watch outlives that.
    """

    def __init__(self, transport: Transport, hello_s: float = HELLO_S) -> None:
        """Asks for hello until it comes; ProtocolError if it does not within hello_s, Gone if the port goes."""
        self.transport = transport
        self._reader = protocol.Reader()
        self._waiting: deque[Item] = deque(maxlen=_KEPT)
        self._heard: deque[str] = deque(maxlen=20)
        self.unknown = 0  # undamaged lines of a kind this version does not know
        self.overrun = 0  # items nobody took in time
        self.hello = self._greet(hello_s)

    @classmethod
    def open(cls, where: str | None = None, hello_s: float = HELLO_S, system: System | None = None) -> Device:
        """Opens a board by its address (see soundsdk.device.address; default SOUNDSDK_PORT, else auto).

        UsageError if the address says nothing, DeviceError if there is no such board (or several, for auto), PortError
        if its port is busy or not permitted, ProtocolError if nothing answers within hello_s seconds. system: the
        computer whose ports are searched (default: this one).
        """
        transport = open_transport(address.parse(where), system)
        try:
            return cls(transport, hello_s)
        except BaseException:
            transport.close()
            raise

    @property
    def counts(self) -> protocol.Counts:
        """Of the lines so far: messages, text, damaged, missing, restarts."""
        return self._reader.counts

    @property
    def first_seq(self) -> int | None:
        """`seq` of the first line of this connection; None before one has come."""
        return self._reader.first

    @property
    def seq(self) -> int | None:
        """`seq` of the newest line."""
        return self._reader.seq

    def _greet(self, timeout_s: float) -> Hello:
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            self.tell("hello")
            hello = self._await(Hello, "", min(_ASK_EVERY_S, left))
            if isinstance(hello, Hello):
                return hello
        counts = self.counts
        heard, hint = "it sent nothing", "Flash it with soundsdk flash, or reset it."
        if counts.text or counts.damaged:
            heard = f"it sent {counts.text} lines of text and {counts.damaged} damaged ones"
        if any(line.startswith(">>>") for line in self._heard):
            hint = "It waits at MicroPython's prompt: press its reset button, or soundsdk flash it."
        raise ProtocolError(f"what is at {self.transport.path} does not answer as a soundsdk board: {heard}.", hint)

    def tell(self, kind: str, **members: Any) -> None:
        """Sends a command and waits for nothing. UsageError if it makes no line, Gone or PortError by the port."""
        try:
            line = framing.encode({"type": kind, **members})
        except ValueError as error:
            raise UsageError(f"{kind} cannot be sent: {error}.") from error
        self.transport.write(b"\n" + line + b"\n")

    def ask(
        self, kind: str, timeout_s: float = ANSWER_S, tries: int = 1, queued: bool = False, **members: Any
    ) -> Hello | Status | Ack:
        """Sends a command; its answer. Refused if the board says no, ProtocolError if no answer comes in time.

        tries: how often it is sent within timeout_s, for commands that may be carried out twice. What else comes
        meanwhile is kept for messages(), and with queued the answer too.
        """
        wanted = {"hello": Hello, "status": Status}.get(kind, Ack)
        answer = None
        for _ in range(tries):
            self.tell(kind, **members)
            answer = self._await(wanted, kind, timeout_s / tries, queued)
            if answer is not None:
                break
        if answer is None:
            raise ProtocolError(
                f"the board at {self.transport.path} has not answered {kind} for {timeout_s:g} s.", "Reset it."
            )
        if isinstance(answer, Ack) and not answer.ok:
            raise Refused(kind, answer.error, answer.detail)
        assert isinstance(answer, (Hello, Status, Ack))
        return answer

    def _await(self, wanted: type[Any], re: str, timeout_s: float, queued: bool = False) -> Message | None:
        deadline = time.monotonic() + timeout_s
        while True:
            found: Message | None = None
            for item in self._receive(max(0.0, deadline - time.monotonic())):
                answers = isinstance(item, Ack) and item.re == re if re else False
                if found is None and (answers or (isinstance(item, wanted) and not isinstance(item, Ack))):
                    found = cast(Message, item)
                    if not queued:
                        continue
                self._keep(item)
            if found is not None or time.monotonic() >= deadline:
                return found

    def _keep(self, item: Item) -> None:
        self.overrun += len(self._waiting) == _KEPT
        self._waiting.append(item)

    def _receive(self, timeout_s: float) -> list[Item]:
        out: list[Item] = []
        for line in self._reader.lines(self.transport.read(timeout_s)):
            if not isinstance(line, dict):
                if isinstance(line, Text):
                    self._heard.append(line.text)
                out.append(line)
            elif (message := parse(line)) is None:
                self.unknown += 1
            else:
                if isinstance(message, Hello):
                    self.hello = message
                out.append(message)
        return out

    def take(self, timeout_s: float = 0.0) -> Item | None:
        """The next item, waiting at most timeout_s for it; None if there is none. Gone if the port goes.

        Items come in the order of the wire: messages, Text and Damaged lines, Missing before the line that showed it,
        Restarted before the first line of the new start.
        """
        deadline = time.monotonic() + timeout_s
        while not self._waiting:
            left = deadline - time.monotonic()
            for item in self._receive(max(0.0, left)):
                self._keep(item)
            if left <= 0 and not self._waiting:
                return None
        return self._waiting.popleft()

    def poll(self, timeout_s: float = 0.0) -> list[Item]:
        """All items that have come, waiting at most timeout_s for the first."""
        item = self.take(timeout_s)
        if item is None:
            return []
        items = [item, *self._waiting]
        self._waiting.clear()
        return items

    def messages(self, timeout_s: float | None = None) -> Iterator[Message]:
        """What the board says, as it comes, until timeout_s of silence (None: for ever); Gone if the port goes."""
        last = time.monotonic()
        while True:
            step = _STEP_S if timeout_s is None else min(_STEP_S, timeout_s - (time.monotonic() - last))
            if step <= 0:
                return
            item = self.take(step)
            if item is not None and not isinstance(item, (Text, Damaged, Missing, Restarted)):
                yield item
                last = time.monotonic()

    def events(self, timeout_s: float | None = None) -> Iterator[Event]:
        """The events among messages(), until the board has said nothing at all for timeout_s."""
        for message in self.messages(timeout_s):
            if isinstance(message, Event):
                yield message

    def status(self, timeout_s: float = ANSWER_S, queued: bool = False) -> Status:
        """The board's counters now; with queued they come among messages() as well. Refused in safe mode."""
        answer = self.ask("status", timeout_s, tries=10, queued=queued)
        assert isinstance(answer, Status)
        return answer

    def set(
        self,
        label: str | None = None,
        on: float | None = None,
        off: float | None = None,
        min_ms: int | None = None,
        hold_ms: int | None = None,
        keep: bool = False,
    ) -> Ack:
        """Changes how a class (without label: every class) is decided; all or nothing.

        on, off: probabilities 0 to 1, to 1/1000; min_ms, hold_ms: milliseconds. keep: for the next start, too. Refused
        if the board has no such label or the values do not go together, UsageError if there are none.
        """
        members: dict[str, Any] = {"label": label} if label is not None else {}
        for name, value in (("on", on), ("off", off)):
            if value is not None:
                if not 0 <= value <= 1:
                    raise UsageError(f"{name} is a probability from 0 to 1, not {value:g}.")
                members[name] = round(1000 * value)
        for name, time_ms in (("min_ms", min_ms), ("hold_ms", hold_ms)):
            if time_ms is not None:
                members[name] = time_ms
        if not set(members) - {"label"}:
            raise UsageError("there is nothing to set.", "Give on, off, min_ms or hold_ms.")
        if keep:
            members["keep"] = True
        answer = self.ask("set", tries=3, **members)
        assert isinstance(answer, Ack)
        return answer

    def reboot(self, hello_s: float = 10.0) -> Hello:
        """Restarts the board and waits for its hello; DeviceError if its port goes and does not come back in time.

        Boards with USB of their own take their port away when they restart; it is opened again. ProtocolError if the
        port stays and no hello comes.
        """
        before = self.counts.restarts
        deadline = time.monotonic() + hello_s
        try:
            self.ask("reboot")
            while self.counts.restarts == before:
                if time.monotonic() > deadline:
                    where = self.transport.path
                    raise ProtocolError(f"the board at {where} has not restarted in {hello_s:g} s.", "Reset it.")
                for item in self._receive(_STEP_S):
                    self._keep(item)
        except Gone:
            return self.reopen(max(1.0, deadline - time.monotonic()))
        self.hello = self._greet(max(1.0, deadline - time.monotonic()))
        return self.hello

    def reopen(self, timeout_s: float) -> Hello:
        """After Gone: opens the port again once it is back, and asks for hello, all within timeout_s or so.

        Raises what the last try raised: DeviceError or PortError, ProtocolError if nothing answers.
        """
        from soundsdk.device.reconnect import reopen

        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.transport.close()
                self.transport = reopen(self.transport, max(0.1, deadline - time.monotonic()))
                self.hello = self._greet(max(1.0, deadline - time.monotonic()))
                return self.hello
            except Gone:
                # Gone again while it was greeted.
                if time.monotonic() > deadline:
                    raise

    def close(self) -> None:
        """Closes the port; the board goes on."""
        self.transport.close()

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
