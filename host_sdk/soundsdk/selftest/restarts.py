"""Restarts of a board that are asked for, and what it hears from its first sample on.

The commands for sound and scores are sent while the board starts: they wait in its port, and it reads them before its
first block of sound. So this computer can compute all that the board computes, from the same beginning.
"""

from __future__ import annotations

import contextlib
import time

from soundsdk.device.audio_lines import Receiver
from soundsdk.device.messages import Ack, Hello, Mel, Message, Scores
from soundsdk.device.protocol import Damaged, DeviceReset, LinesLost, Text
from soundsdk.device.transport import ConnectionLost, reopen
from soundsdk.errors import ProtocolError
from soundsdk.selftest.context import SelfTest
from soundsdk.selftest.records import Restarted

_SEND_EVERY_S = 0.1


def wait_back(test: SelfTest, timeout_s: float) -> Hello:
    """Open the port again once the board is back, and return its hello. What it has restarted meanwhile counts not."""
    hello = test.device.reopen(timeout_s)
    test.restarts = test.device.counts.restarts
    return hello


class _Listener:
    """The lines of a start: hello, the answers to what was sent ahead, sound, scores and features."""

    def __init__(self, bits: int | None) -> None:
        self.hello: Hello | None = None
        self.sound = Receiver()
        self.wanted = {"watch"} if bits is None else {"record", "watch"}
        self.scores: dict[int, tuple[int, ...]] = {}
        self.parts: dict[int, dict[int, bytes]] = {}

    def add(self, item: Message) -> None:
        if isinstance(item, Hello):
            self.hello = item
        elif isinstance(item, Ack) and item.re in self.wanted:
            self.wanted.discard(item.re)  # refused: it will not be there, and the check says so
        elif isinstance(item, Scores):
            self.scores[item.time_samples] = item.scores
        elif isinstance(item, Mel):
            self.parts.setdefault(item.time_samples, {})[item.frame] = item.data
        else:
            self.sound.add(item)

    def features(self) -> dict[int, bytes]:
        """Return the features of every step whose parts all came; all steps have as many."""
        joined = {t: b"".join(parts[frame] for frame in sorted(parts)) for t, parts in self.parts.items()}
        most = max(map(len, joined.values()), default=0)
        return {t: data for t, data in joined.items() if len(data) == most}


def restart(test: SelfTest, command: str, seconds: int = 0, timeout_s: float | None = None) -> Restarted:
    """Send a command that restarts the board and wait for its hello; with seconds, hear it from the first sample on.

    Over a slow line the features come without the sound. ProtocolError or ConnectionLost if it does not come back.
    """
    device = test.device
    timeout_s = test.waits.restart_s if timeout_s is None else timeout_s
    device.read_all(0)
    begin = time.monotonic()
    restarts, reopened = device.counts.restarts, False
    with contextlib.suppress(ConnectionLost):  # its port went before the answer came: opened again below
        device.request(command, timeout_s)
    bits = 16 if seconds and not test.slow else None
    listener = _Listener(bits)
    if not seconds:
        listener.wanted.clear()
    sent, asked = 0.0, time.monotonic()
    hello_s = 0.0
    while listener.hello is None or listener.wanted:
        now = time.monotonic()
        if now > begin + timeout_s:
            break
        try:
            if now - sent > _SEND_EVERY_S:
                sent = now
                if "record" in listener.wanted:
                    device.send("record", seconds=seconds, bits=bits)
                if "watch" in listener.wanted:
                    device.send("watch", on=True, mel=True)
                # The first hello is lost where the port comes back after it. Not before: the first command counts.
                if listener.hello is None and now - asked > 1.0:
                    asked = now
                    device.send("hello")
            item = device.read(0.05)
        except ConnectionLost:
            device.transport.close()
            device.transport = reopen(device.transport, max(1.0, begin + timeout_s - time.monotonic()))
            sent, reopened = 0.0, True
            continue
        if item is not None and not isinstance(item, (Text, Damaged, LinesLost, DeviceReset)):
            if not reopened and device.counts.restarts == restarts:
                continue  # of the start before
            listener.add(item)
            if listener.hello is not None and not hello_s:
                hello_s = time.monotonic() - begin
    test.restarts = device.counts.restarts
    if listener.hello is None:
        raise ProtocolError(f"the board has not said hello {timeout_s:g} s after {command}.", "Reset it.")
    out = Restarted(listener.hello, hello_s)
    if seconds and listener.hello.rate_hz:
        _hear(test, listener, seconds, bits)
        out.scores, out.features = listener.scores, listener.features()
        out.pieces = listener.sound.joined.pieces()
        done = listener.sound.done
        out.at = out.pieces[0].at if out.pieces else -1
        out.whole = len(out.pieces) == 1 and done is not None and done.extra.get("lost") == 0
    return out


def _hear(test: SelfTest, listener: _Listener, seconds: int, bits: int | None) -> None:
    """Read on until the recording, or the scores of as much sound, are there."""
    device, rate_hz = test.device, test.device.hello.rate_hz
    end = time.monotonic() + 2 * seconds + test.waits.answer_s
    for message in device.messages(timeout_s=test.waits.answer_s):
        listener.add(message)
        enough = listener.sound.done is not None if bits else max(listener.scores, default=0) >= seconds * rate_hz
        if enough or time.monotonic() > end:
            break
    device.request("watch", test.waits.answer_s, tries=3, on=False, mel=False)
