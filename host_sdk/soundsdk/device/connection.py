"""A board that answers, as what works over the wire needs it: pushes and recordings know no more of a Device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from soundsdk.device.messages import Ack, Hello, Message, Status
from soundsdk.device.protocol import Counts
from soundsdk.device.transport import Transport
from soundsdk.errors import ProtocolError

NO_MEMORY = "memory"  # the code with which a board rejects a command for which it has no memory left
_MORE_MEMORY = "A smaller detector leaves more memory; in an image of soundsdk (soundsdk flash) its file takes none."


class CommandRejected(ProtocolError):
    """A command that the board rejects: `code` is its dotted error code, `detail` its sentence."""

    def __init__(self, re: str, code: str, detail: str) -> None:
        super().__init__(f"the board rejects {re}: {detail} ({code}).", _MORE_MEMORY if code == NO_MEMORY else "")
        self.code = code
        self.detail = detail


class Connection(Protocol):
    """A connected board; soundsdk.device.session.Device is one, and describes all of this."""

    hello: Hello
    transport: Transport

    @property
    def counts(self) -> Counts:
        """Counts of the lines so far."""

    def send(self, kind: str, **members: Any) -> None:
        """Send a command without waiting for its answer."""

    def request(
        self, kind: str, timeout_s: float | None = None, tries: int = 1, queued: bool = False, **members: Any
    ) -> Hello | Status | Ack:
        """Send a command and return its answer."""

    def messages(self, timeout_s: float | None = None) -> Iterator[Message]:
        """Iterate over the messages as they arrive, until none does for timeout_s."""

    def reopen(self, timeout_s: float) -> Hello:
        """Open the port again after ConnectionLost and wait for hello."""
