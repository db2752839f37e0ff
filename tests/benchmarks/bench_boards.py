"""The cost of `soundsdk monitor` at 20 virtual boards at once: share of a core and memory.

    python tests/benchmarks/bench_boards.py                  ten minutes; also: make bench-boards
    python tests/benchmarks/bench_boards.py --minutes 1 --boards 5

The boards run soundfw in real time in another process, at pseudo-terminals: each hears a tone a second and sends its
events, and scores while somebody looks. The command draws the live table, keeps a log and serves the page, which one
reader has open; so every board is looked at, and one of them in full. Counted is the processor time of the command
alone (user and system), from when all boards have been greeted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BOARDS = 20
BOUND = 0.10  # of a core
GROWTH_BYTES = 4 << 20  # of resident memory, while bounded things (the last 200 events of each board) fill up
LATE_GROWTH_BYTES = 1 << 20  # in the second half
SETTLE_S = 60.0  # until all boards have been greeted and the first minute of scores is there
_HERE = Path(__file__).resolve()


@dataclass
class Cost:
    """cpu_s: of the command, in `seconds`. *_bytes: its resident memory then. events: lines of the log."""

    boards: int
    seconds: float
    cpu_s: float
    start_bytes: int
    half_bytes: int
    end_bytes: int
    events: int
    boards_heard: int
    messages: int

    @property
    def share(self) -> float:
        """Share of a core."""
        return self.cpu_s / self.seconds


def serve(count: int, folder: Path) -> None:
    """Run so many boards until standard input ends; print their ports first."""
    sys.path += [str(_HERE.parents[1]), str(_HERE.parents[1] / "host")]
    import numpy as np
    from tone_boards import beeps, board

    from virtual_boards.virtual_port import VirtualPorts

    sound = np.tile(beeps(10), 90)
    with VirtualPorts(folder) as ports:
        for i in range(count):
            pcm = np.roll(sound, -1600 * i)  # not all of them at once
            ports.add(lambda pcm=pcm: board(pcm), f"ttyACM{i}", serial_number=f"E66141{i:06X}")
        print(json.dumps([port.path for port in ports.ports]), flush=True)
        sys.stdin.read()


@contextlib.contextmanager
def boards(count: int, folder: Path) -> Iterator[list[str]]:
    """Run virtual boards in another process; yield their ports."""
    words = [sys.executable, str(_HERE), "--serve", str(count), "--folder", str(folder)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def measure(minutes: float, count: int = BOARDS, settle_s: float = SETTLE_S) -> Cost:
    """Run the command at so many boards and measure it."""
    with tempfile.TemporaryDirectory() as name, boards(count, Path(name)) as paths:
        log = Path(name) / "log.jsonl"
        screen, terminal = os.openpty()
        words = [word for path in paths for word in ("-p", path)]
        command = [sys.executable, "-m", "soundsdk", "monitor", *words, "--web", "--log", str(log)]
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "110", "LINES": "40"}
        process = subprocess.Popen(command, stdout=terminal, stderr=subprocess.PIPE, text=True, env=environment)
        os.close(terminal)
        stop = threading.Event()
        seen = [0]
        try:
            threading.Thread(target=_drain, args=(screen,), daemon=True).start()
            assert process.stderr is not None
            url = next(found[0] for line in process.stderr if (found := re.search(r"http://\S+", line)))
            threading.Thread(target=_drain, args=(process.stderr.fileno(),), daemon=True).start()
            threading.Thread(target=_read_page, args=(url, stop, seen), daemon=True).start()
            time.sleep(settle_s)
            begin, cpu_s, start_bytes = time.monotonic(), _cpu_s(process.pid), _resident(process.pid)
            time.sleep(30 * minutes)
            half_bytes = _resident(process.pid)
            time.sleep(30 * minutes)
            seconds, cpu_s = time.monotonic() - begin, _cpu_s(process.pid) - cpu_s
            end_bytes = _resident(process.pid)
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        finally:
            stop.set()
            process.kill()
            process.wait()
            os.close(screen)
        records = [json.loads(line) for line in log.read_text().splitlines()]
        events = [one for one in records if one["type"] == "event"]
        heard = {one["device"] for one in events}
        return Cost(count, seconds, cpu_s, start_bytes, half_bytes, end_bytes, len(events), len(heard), seen[0])


def _drain(handle: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(handle, 65536):
            pass


def _read_page(url: str, stop: threading.Event, seen: list[int]) -> None:
    """Read the feed of the page as a browser does, and count its messages."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}events", timeout=60) as feed:
        for line in feed:
            seen[0] += line.startswith(b"data: ")
            if stop.is_set():
                return


def _cpu_s(pid: int) -> float:
    """Return the processor time of a process so far, user and system, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="minutes to measure")
    parser.add_argument("--boards", type=int, default=BOARDS, help="boards at once")
    parser.add_argument("--settle", type=float, default=SETTLE_S, help="seconds before that")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given: Any = parser.parse_args()
    if given.serve:
        serve(given.serve, given.folder)
        return 0
    cost = measure(given.minutes, given.boards, given.settle)
    flat = cost.end_bytes - cost.half_bytes <= LATE_GROWTH_BYTES and cost.end_bytes - cost.start_bytes <= GROWTH_BYTES
    held = cost.share <= BOUND and flat and cost.boards_heard == cost.boards
    print(f"{cost.boards} boards for {cost.seconds:.0f} s: {cost.events} edges of events, {cost.messages} to the page")
    print(f"  CPU     {100 * cost.share:.1f} % of a core ({cost.cpu_s:.1f} s, user and system)")
    print("  memory  {:.1f} MB at the start, {:.1f} MB halfway, {:.1f} MB at the end".format(
        *(size / 1e6 for size in (cost.start_bytes, cost.half_bytes, cost.end_bytes))))  # fmt: skip
    bounds = f"{100 * BOUND:g} %, {GROWTH_BYTES >> 20} MiB in all, {LATE_GROWTH_BYTES >> 20} MiB in the second half"
    print(f"  bound   {bounds}, every board: {'held' if held else 'NOT held'}")
    return 0 if held else 6


if __name__ == "__main__":
    sys.exit(main())
