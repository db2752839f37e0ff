"""The cost of `soundsdk monitor` at 100 lines a second: share of a core and memory, over ten minutes.

    python tests/benchmarks/bench_monitor.py               ten minutes of a virtual clock, in some seconds
    python tests/benchmarks/bench_monitor.py --realtime 60 the command itself at a pseudo-terminal, for 60 s

With the virtual clock every line comes alone, so the loop turns more often than on a real port; the system's own cost
of carrying bytes is in the other figure only. Both draw the live table, keep a log and serve the page to nobody.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundfw.wire import framing
from soundsdk.device import protocol
from soundsdk.device.reconnect import ReconnectingDevice
from soundsdk.monitor.boards.board import monitored
from soundsdk.monitor.boards.feeds import OneBoard
from soundsdk.monitor.boards.identity import Identity
from soundsdk.monitor.boards.source import DeviceSource
from soundsdk.monitor.lines import Lines, Sink
from soundsdk.monitor.log import Log
from soundsdk.monitor.loop import run_monitor
from soundsdk.monitor.notes import Notes
from soundsdk.monitor.page.server import PageServer
from soundsdk.monitor.page.web import Web
from soundsdk.monitor.table.live import Table

LINES_S = 100
BOUND = 0.05  # of a core
RATE_HZ = 16000


def line(n: int, seq: int) -> bytes:
    """Return the n-th line that is not an answer: events of eight labels, and a status now and then."""
    t = n * RATE_HZ // LINES_S
    if n % 50 == 49:
        counters = {"step_us": 8100, "heap_free": 91000, "level_dbfs": -40.0 - n % 7, "dropped": 0, "damaged": 0}
        message: dict[str, Any] = {"type": "status", "seq": seq, "captured": t, "lost": 0, **counters}
    else:
        k = n - n // 50
        label, edge = f"label {k // 2 % 8}", ("on", "off")[k % 2]
        score = {"score" if edge == "on" else "peak": 0.93}
        message = {"type": "event", "seq": seq, "id": k // 2, "label": label, "edge": edge, "t": t, **score}
    return b"\n" + framing.encode(message) + b"\n"


def answer(asked: dict[str, Any], seq: int) -> bytes:
    """Return the board's answer to a command."""
    if asked["type"] == "hello":
        names = {"proto": 1, "fw": "0.1.0", "board": "sim", "model": "bench", "sha256": "ab" * 32}
        message: dict[str, Any] = {"type": "hello", "seq": seq, **names, "rate_hz": RATE_HZ}
    elif asked["type"] == "status":
        counters = {"step_us": 0, "heap_free": 0, "level_dbfs": -40.0, "dropped": 0, "damaged": 0}
        message = {"type": "status", "seq": seq, "captured": 0, "lost": 0, **counters}
    else:
        refusal = {"ok": False, "error": "unsupported", "detail": "no"}
        message = {"type": "ack", "seq": seq, "re": asked["type"], **refusal}
    return b"\n" + framing.encode(message) + b"\n"


class Clock:
    """A stand-in for time.monotonic."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


class Metronome:
    """A Transport whose board sends a line every 10 ms of a Clock, and answers at once."""

    path = "bench"
    serial_number: str | None = None

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked = protocol.Reader()
        self._answers: list[dict[str, Any]] = []
        self.seq = 0
        self._n = 0

    def read(self, timeout_s: float) -> bytes:
        self.seq += 1
        if self._answers:
            return answer(self._answers.pop(0), self.seq - 1)
        self._clock.now += 1 / LINES_S
        self._n += 1
        return line(self._n - 1, self.seq - 1)

    def write(self, data: bytes) -> None:
        self._answers += self._asked.feed(data)

    def close(self) -> None: ...

    def reopen(self) -> Metronome:
        return self


@dataclass
class Figures:
    """cpu_s: of the whole run; halves: of its two halves; grown_bytes: of the heap, from a tenth of the run on."""

    lines: int
    seconds: float
    cpu_s: float
    halves: tuple[float, float]
    grown_bytes: int

    @property
    def share(self) -> float:
        """Share of a core."""
        return self.cpu_s / self.seconds


@contextlib.contextmanager
def virtual_time() -> Iterator[Clock]:
    """Replace time.monotonic with a Clock for the block."""
    clock, real = Clock(), time.monotonic
    time.monotonic = clock
    try:
        yield clock
    finally:
        time.monotonic = real


def virtual(seconds: float, folder: Path) -> Figures:
    """Measure so many seconds at 100 lines a second, in virtual time."""
    from rich.console import Console

    with contextlib.ExitStack() as stack:
        server = PageServer()
        stack.callback(server.close)
        clock = stack.enter_context(virtual_time())
        metronome = Metronome(clock)
        source = DeviceSource(stack.enter_context(ReconnectingDevice(metronome)))
        board = monitored(source, Identity("bench", "bench"), wants=lambda: (True, False))
        console = Console(file=stack.enter_context(open(os.devnull, "w")), force_terminal=True, width=100, height=30)
        sinks: list[Sink] = [
            Log(folder / "log.jsonl", print),
            Web(server, [board]),
            Table([board], console),
            Lines("jsonl", io.TextIOWrapper(open(os.devnull, "wb"))),  # noqa: SIM115
            Notes(board, print, print),
        ]
        for sink in sinks:
            stack.callback(sink.close)

        def run(part: float) -> float:
            begin = time.process_time()
            run_monitor([board], OneBoard(board), sinks, seconds=part, gather_s=0)
            return time.process_time() - begin

        first = run(seconds / 10)
        before = _heap()
        second, third = run(seconds * 0.4), run(seconds / 2)
        grown = _heap() - before
        assert source.counts.missing == source.counts.damaged == 0
        return Figures(metronome.seq, seconds, first + second + third, (first + second, third), grown)


def _heap() -> int:
    """Bytes that this process holds."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def real(seconds: float, folder: Path) -> tuple[float, float]:
    """CPU seconds of the command over that time at a pseudo-terminal, and of one that only starts and ends."""
    return _command(seconds, folder), _command(1, folder)


def _command(seconds: float, folder: Path) -> float:
    from soundsdk_sim.pty import Pty

    over = threading.Event()
    screen, terminal = os.openpty()

    def board(port: Pty) -> None:
        asked, begin, seq, n = protocol.Reader(), time.monotonic(), 0, 0
        while not over.is_set():
            data = b"".join(answer(message, (seq := seq + 1) - 1) for message in asked.feed(port.read()))
            if time.monotonic() >= begin + 1 / LINES_S:
                begin += 1 / LINES_S
                data += line(n, seq)
                n, seq = n + 1, seq + 1
            while data and not over.is_set():
                data = data[port.write(data) or len(data) :]
            port.wait_input(max(0.0, min(0.01, begin + 1 / LINES_S - time.monotonic())))

    def show() -> None:
        with contextlib.suppress(OSError):
            while os.read(screen, 65536):
                pass

    with Pty() as port:
        threads = [
            threading.Thread(target=board, args=(port,), daemon=True),
            threading.Thread(target=show, daemon=True),
        ]
        for thread in threads:
            thread.start()
        words = ["monitor", "-p", port.path, "--log", str(folder / "log.jsonl"), "--seconds", str(seconds), "--web"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
        subprocess.run(
            [sys.executable, "-m", "soundsdk", *words],
            stdout=terminal,
            check=True,
            timeout=seconds + 60,
            env=environment,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        over.set()
        os.close(terminal)
        threads[0].join(timeout=5)
    os.close(screen)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="minutes of the virtual clock")
    parser.add_argument("--realtime", type=float, metavar="SECONDS", help="run the command itself")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.realtime:
            cpu_s, start_s = real(given.realtime, Path(folder))
            share = (cpu_s - start_s) / (given.realtime - 1)
            print(f"{given.realtime:g} s of real time at {LINES_S} lines/s")
            print(f"  CPU     {100 * share:.1f} % of a core ({cpu_s:.2f} s, of which {start_s:.2f} s to start)")
        else:
            figures = virtual(60 * given.minutes, Path(folder))
            share = figures.share
            print(f"{given.minutes:g} minutes of virtual time, {figures.lines} lines")
            print(f"  CPU     {100 * share:.2f} % of a core ({figures.cpu_s:.1f} s)")
            print(f"  halves  {figures.halves[0]:.1f} s, {figures.halves[1]:.1f} s")
            print(f"  memory  grew by {figures.grown_bytes / 1024:.0f} KiB after the first tenth")
    print(f"  bound   {100 * BOUND:g} %: {'held' if share <= BOUND else 'NOT held'}")
    return 0 if share <= BOUND else 6


if __name__ == "__main__":
    sys.exit(main())
