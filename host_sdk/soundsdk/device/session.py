"""A session with a connected board: commands to it, and its messages."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from soundfw.wire import framing
from soundsdk.device import address, protocol
from soundsdk.device.arguments import check_number
from soundsdk.device.connection import CommandRejected
from soundsdk.device.messages import Ack, Event, Hello, Message, Status, parse
from soundsdk.device.protocol import Damaged, DeviceReset, LinesLost, Text
from soundsdk.device.set_members import set_members
from soundsdk.device.transport import ConnectionLost, Transport, open_transport, reopen
from soundsdk.errors import ProtocolError, UsageError
from soundsdk.labels import counted

if TYPE_CHECKING:
    from soundsdk.detector_file import DetectorFile
    from soundsdk.device.audio_lines import Take
    from soundsdk.device.push import Pushed
    from soundsdk.device.system import System

ANSWER_S = 3.0
HELLO_S = 5.0
_ASK_EVERY_S = 0.5
_STEP_S = 0.2
_KEPT = 10000  # messages that come while an answer is awaited

Item: TypeAlias = "Message | Text | Damaged | LinesLost | DeviceReset"


class Device:
    """A board that has said hello. Use it in a `with` statement, from one thread.

    with Device.open("auto") as device:
        for event in device.events():
            print(event.label, event.edge, event.time_s)

    Opening resets no board. `hello` is the board's newest: after a restart it may run another detector. Every read
    raises ConnectionLost when the port goes; a ReconnectingDevice goes on when the board is back.
    """

    def __init__(self, transport: Transport, hello_s: float = HELLO_S, answer_s: float = ANSWER_S) -> None:
        """Request hello until it comes.

        ProtocolError if it does not come within hello_s, ConnectionLost if the port goes. answer_s: how long a request
        waits for its answer if it is not called with a timeout.
        """
        self.transport = transport
        self._closed = False
        self._answer_s = answer_s
        self._reader = protocol.Reader()
        self._waiting: deque[Item] = deque(maxlen=_KEPT)
        self._heard: deque[str] = deque(maxlen=20)
        self.unknown = 0  # undamaged lines of a kind this version does not know
        self._rate_hz = 0
        self.overrun = 0  # items that nobody read in time
        self.hello = self._greet(hello_s)

    @classmethod
    def open(
        cls, where: str | PathLike[str] | None = None, hello_s: float = HELLO_S, system: System | None = None
    ) -> Device:
        """Open a board by its address (see soundsdk.device.address; default SOUNDSDK_PORT, else auto).

        UsageError if the address is malformed, DeviceError if there is no such board (or several, for auto), PortError
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
        """Counts of the lines so far: messages, text, damaged, missing, restarts."""
        return self._reader.counts

    @property
    def first_seq(self) -> int | None:
        """The `seq` of the first line of this connection; None before one has come."""
        return self._reader.first

    @property
    def seq(self) -> int | None:
        """The `seq` of the newest line; None before one has come."""
        return self._reader.seq

    def _greet(self, timeout_s: float) -> Hello:
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            self.send("hello")
            hello = self._await(Hello, "", min(_ASK_EVERY_S, left))
            if isinstance(hello, Hello):
                return hello
        counts = self.counts
        heard, hint = "it sent nothing", "Reset it; flash it: soundsdk flash, or on stock MicroPython soundsdk install."
        if counts.text or counts.damaged:
            heard = f"it sent {counted(counts.text, 'line')} of text and {counts.damaged} damaged"
        if any(line.startswith(">>>") for line in self._heard):
            hint = "It waits at MicroPython's prompt: press its reset button; soundsdk install puts soundsdk on it."
        elif "://" in self.transport.path:
            hint = "Check that the port there is the board's, at 115200 baud, and that no other program has it open."
        raise ProtocolError(f"what is at {self.transport.path} does not answer as a soundsdk board: {heard}.", hint)

    def send(self, kind: str, **members: Any) -> None:
        """Send a command without waiting for its answer.

        UsageError if it makes no line or the device is closed, ConnectionLost or PortError if the port does not take
        it.
        """
        self._check_open()
        try:
            line = framing.encode({"type": kind, **members})
        except (TypeError, ValueError) as error:
            raise UsageError(f"{kind} cannot be sent: {error}.") from error
        self.transport.write(b"\n" + line + b"\n")

    def request(
        self, kind: str, timeout_s: float | None = None, tries: int = 1, queued: bool = False, **members: Any
    ) -> Hello | Status | Ack:
        """Send a command and return its answer.

        CommandRejected if the board rejects it, ProtocolError if no answer comes within timeout_s (3 s). tries: how
        often the command is sent within timeout_s; more than once only for commands that may be carried out twice.
        Other messages that arrive meanwhile are kept for messages(), and with queued the answer too.
        """
        timeout_s = self._answer_s if timeout_s is None else timeout_s
        wanted = {"hello": Hello, "status": Status}.get(kind, Ack)
        answer = None
        for _ in range(tries):
            self.send(kind, **members)
            answer = self._await(wanted, kind, timeout_s / tries, queued)
            if answer is not None:
                break
        if answer is None:
            raise ProtocolError(
                f"the board at {self.transport.path} has not answered {kind} for {timeout_s:g} s.", "Reset it."
            )
        if isinstance(answer, Ack) and not answer.ok:
            raise CommandRejected(kind, answer.error, answer.detail)
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

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError(f"the board at {self.transport.path} was closed by this program.", "Open it again.")

    def _receive(self, timeout_s: float) -> list[Item]:
        self._check_open()
        out: list[Item] = []
        for line in self._reader.lines(self.transport.read(timeout_s)):
            if not isinstance(line, dict):
                if isinstance(line, Text):
                    self._heard.append(line.text)
                elif isinstance(line, DeviceReset):
                    self._rate_hz = 0  # another detector may run now; its hello says
                out.append(line)
            elif (message := parse(line, self._rate_hz)) is None:
                self.unknown += 1
            else:
                if isinstance(message, Hello):
                    self.hello = message
                    if message.rate_hz and not self._rate_hz:
                        self._rate_hz = message.rate_hz
                        self._add_seconds(out)
                out.append(message)
        return out

    def _add_seconds(self, newest: list[Item]) -> None:
        """Fill in time_s of the events that came before the rate was known."""
        for items in (newest, self._waiting):
            for i in range(len(items) - 1, -1, -1):
                item = items[i]
                if isinstance(item, DeviceReset):
                    return
                if isinstance(item, Event):
                    items[i] = replace(item, time_s=item.time_samples / self._rate_hz)

    def read(self, timeout_s: float = 0.0) -> Item | None:
        """Read the next item, waiting at most timeout_s for it; None if there is none. ConnectionLost if the port goes.

        Items come in the order of the wire: messages, Text and Damaged lines, LinesLost before the line that showed it,
        DeviceReset before the first line of the new start.
        """
        deadline = time.monotonic() + timeout_s
        while not self._waiting:
            left = deadline - time.monotonic()
            for item in self._receive(max(0.0, left)):
                self._keep(item)
            if left <= 0 and not self._waiting:
                return None
        return self._waiting.popleft()

    def read_all(self, timeout_s: float = 0.0) -> list[Item]:
        """Read all items that have arrived, waiting at most timeout_s for the first."""
        item = self.read(timeout_s)
        if item is None:
            return []
        items = [item, *self._waiting]
        self._waiting.clear()
        return items

    def messages(self, timeout_s: float | None = None) -> Iterator[Message]:
        """Iterate over the messages as they arrive, until none does for timeout_s (None: without end).

        ConnectionLost if the port goes.
        """
        last = time.monotonic()
        while True:
            step = _STEP_S if timeout_s is None else min(_STEP_S, timeout_s - (time.monotonic() - last))
            if step <= 0:
                return
            item = self.read(step)
            if item is not None and not isinstance(item, (Text, Damaged, LinesLost, DeviceReset)):
                yield item
                last = time.monotonic()

    def read_event(self, timeout_s: float | None = None) -> Event | None:
        """Read up to the next event; None if no message at all arrives for timeout_s."""
        return next(self.events(timeout_s), None)

    def events(self, timeout_s: float | None = None) -> Iterator[Event]:
        """Iterate over the events among messages(), until no message at all arrives for timeout_s."""
        for message in self.messages(timeout_s):
            if isinstance(message, Event):
                yield message

    def status(self, timeout_s: float | None = None, queued: bool = False) -> Status:
        """Return the current counters; with queued they also come among messages(). CommandRejected in safe mode."""
        answer = self.request("status", timeout_s, tries=10, queued=queued)
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
        action: str | None = None,
    ) -> Ack:
        """Change the thresholds and the rule of a class (without label: of every class); all or nothing.

        on, off: probabilities in steps of 1/1000; min_ms, hold_ms: milliseconds. action: what the board itself does, as
        soundfw.act.rules has it; "none" takes the rule away. keep: store them for later starts.
        CommandRejected if the board has no such label or refuses the values, UsageError if there are none.
        """
        members = set_members(label, on, off, min_ms, hold_ms, keep, action)
        answer = self.request("set", tries=3, **members)
        assert isinstance(answer, Ack)
        return answer

    def record(self, seconds: int, bits: int = 4, progress: Callable[[int, int], None] | None = None) -> Take:
        """Record the board's sound for that many seconds (1 to 3600) from now on.

        take = device.record(5)
        for piece in take.pieces:                   # one, unless samples were lost on the way
            soundfile.write(f"{piece.at}.wav", piece.pcm, take.rate_hz)

        bits: per sample on the wire; 4 (ADPCM), 3 for a line as slow as 115,200 baud, 16 for exact samples. progress is
        called with the samples so far and in all. What did not arrive is a gap, never silence. CommandRejected if the
        board refuses, ProtocolError if it sends nothing for 5 s; if its port goes, the take holds what had arrived and
        its `whole` is False.
        """
        from soundsdk.device import audio_lines

        check_number(seconds, "a number of seconds", whole=True)
        check_number(bits, "a number of bits", whole=True)
        if not 1 <= seconds <= audio_lines.MAX_BOARD_S:
            raise UsageError(f"a board records 1 to {audio_lines.MAX_BOARD_S} seconds at once, not {seconds}.")
        return audio_lines.record(self, seconds, bits, progress)

    def push(
        self, detector: str | PathLike[str] | DetectorFile, progress: Callable[[str, int, int], None] | None = None
    ) -> Pushed:
        """Send the board another detector, without flashing: a .tflite file, or a name such as "home".

        device.push("my_detector.tflite")
        print(device.hello.model)

        It is started on trial and confirmed; until then the old one is kept, and comes back if the new one does not
        run. A pulled cable is waited for, 30 s. progress is called with a step, what of it is done, and all of it.
        CheckError if the board cannot run the detector, ModelError if the file is none.
        """
        from soundsdk.detector_file import DetectorFile
        from soundsdk.device.push import push
        from soundsdk.models.arguments import check_path
        from soundsdk.models.shipped import load_model

        if not isinstance(detector, DetectorFile):
            detector = load_model(check_path(detector, "a detector"))
        self._check_open()
        return push(self, detector, progress)

    def reboot(self, hello_s: float = 10.0) -> Hello:
        """Restart the board and wait for its hello; DeviceError if its port goes and does not come back in time.

        Boards with USB of their own take their port away when they restart; it is opened again. ProtocolError if the
        port stays and no hello comes.
        """
        before = self.counts.restarts
        deadline = time.monotonic() + hello_s
        try:
            self.request("reboot")
            while self.counts.restarts == before:
                if time.monotonic() > deadline:
                    where = self.transport.path
                    raise ProtocolError(f"the board at {where} has not restarted in {hello_s:g} s.", "Reset it.")
                for item in self._receive(_STEP_S):
                    self._keep(item)
        except ConnectionLost:
            return self.reopen(max(1.0, deadline - time.monotonic()))
        self.hello = self._greet(max(1.0, deadline - time.monotonic()))
        return self.hello

    def reopen(self, timeout_s: float) -> Hello:
        """Open the port again after ConnectionLost and wait for hello, all within about timeout_s.

        Raises what the last try raised: DeviceError or PortError, ProtocolError if nothing answers.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.transport.close()
                self._closed = False
                self.transport = reopen(self.transport, max(0.1, deadline - time.monotonic()))
                self.hello = self._greet(max(1.0, deadline - time.monotonic()))
                return self.hello
            except ConnectionLost:
                # The port went again before hello came.
                if time.monotonic() > deadline:
                    raise

    def close(self) -> None:
        """Close the port; the board goes on. What is asked of it from then on raises UsageError."""
        self._closed = True
        self.transport.close()

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
