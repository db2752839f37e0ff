"""The cost of `soundsdk monitor` at 20 virtual boards at once: share of a core, and memory from minute to minute.

    python tests/benchmarks/bench_boards.py                  ten minutes; also: make bench-boards
    python tests/benchmarks/bench_boards.py --speed 6        an hour of the boards in ten minutes, for their memory
    python tests/benchmarks/bench_boards.py --minutes 1 --boards 5
    python tests/benchmarks/bench_boards.py --check          exit code 6 if a bound is not held

The boards run soundfw in another process, at pseudo-terminals: each hears a tone a second and sends its events, and
scores while somebody looks. The command draws the live table, keeps a log and serves the page, which one reader has
open; so every board is looked at, and one of them in full. Counted is the command alone, from when all boards have
been greeted: its processor time (user and system), and the memory that it has asked for (RssAnon: pages of programs
and libraries, which the system loads and drops as it likes, are no part of it).

What a monitor keeps is bounded, but takes its time to fill: `filled` shows each thing with its bytes when it is full.
Memory is flat when nothing grows once they are: the slope of the second half is what --check holds to a bound, in
runs that are long enough.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BOARDS = 20
BOUND = 0.10  # of a core, at the boards' own speed
FLAT_BYTES = 1 << 20  # for each hour of the boards, by the slope of the second half
JUDGED_HOURS = 0.4  # of the boards: in less what is kept is still filling up
SETTLE_S = 30.0  # until all boards have been greeted
SAMPLE_S = 60.0
_HERE = Path(__file__).resolve()


@dataclass
class Sample:
    """The command after some seconds: the memory it has asked for, all its resident memory, the length of its log."""

    at_s: float
    asked_bytes: int
    resident_bytes: int
    log_bytes: int


@dataclass
class Cost:
    """cpu_s: of the command, in `seconds`, during which the boards live `speed` times as long, if the computer can."""

    boards: int
    speed: float
    seconds: float
    cpu_s: float
    samples: list[Sample]
    events: int  # edges in the log
    boards_heard: int
    messages: int  # to the page

    @property
    def share(self) -> float:
        """Share of a core."""
        return self.cpu_s / self.seconds

    @property
    def hours(self) -> float:
        """Hours that the boards have lived meanwhile, by the edges of their events: two a second."""
        before = self.samples[0].log_bytes / max(1, self.samples[-1].log_bytes)
        return (1 - before) * self.events / (2 * 3600 * self.boards)

    @property
    def growth_bytes(self) -> float:
        """Bytes for each hour of the boards: the slope of the samples of the second half, by least squares."""
        half = [s for s in self.samples if s.at_s >= self.seconds / 2 - 1]
        if len(half) < 3:
            return float("nan")
        mean_s = sum(s.at_s for s in half) / len(half)
        rises = sum((s.at_s - mean_s) * s.asked_bytes for s in half)
        return rises / sum((s.at_s - mean_s) ** 2 for s in half) * self.seconds / self.hours


def serve(count: int, folder: Path, speed: float) -> None:
    """Run so many boards until standard input ends; print their ports first."""
    sys.path += [str(_HERE.parents[1]), str(_HERE.parents[1] / "host")]
    import numpy as np
    from tone_boards import beeps, board

    from virtual_boards.virtual_port import VirtualPorts

    sound = beeps(10)
    with VirtualPorts(folder) as ports:
        for i in range(count):
            pcm = np.roll(sound, -1600 * i)  # not all of them at once
            ports.add(lambda pcm=pcm: board(pcm, speed, repeat=True), f"ttyACM{i}", serial_number=f"E66141{i:06X}")
        print(json.dumps([port.path for port in ports.ports]), flush=True)
        sys.stdin.read()


@contextlib.contextmanager
def boards(count: int, folder: Path, speed: float = 1.0) -> Iterator[list[str]]:
    """Run virtual boards in another process; yield their ports."""
    words = [sys.executable, str(_HERE), "--serve", str(count), "--folder", str(folder), "--speed", str(speed)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=60)


def measure(
    minutes: float,
    count: int = BOARDS,
    settle_s: float = SETTLE_S,
    speed: float = 1.0,
    sample_s: float = SAMPLE_S,
    show: Callable[[Sample], None] = lambda sample: None,
) -> Cost:
    """Run the command at so many boards and measure it; show: called with each sample."""
    with tempfile.TemporaryDirectory() as name, boards(count, Path(name), speed) as paths:
        log = Path(name) / "log.jsonl"
        screen, terminal = os.openpty()
        words = [word for path in paths for word in ("-p", path)]
        command = [sys.executable, "-m", "soundsdk", "monitor", *words, "--web", "--log", str(log)]
        shape = {"TERM": "xterm-256color", "COLUMNS": "110", "LINES": "40"}
        environment = {**os.environ, **shape}
        process = subprocess.Popen(command, stdout=terminal, stderr=subprocess.PIPE, text=True, env=environment)
        os.close(terminal)
        stop = threading.Event()
        seen = [0]
        samples: list[Sample] = []
        try:
            threading.Thread(target=_drain, args=(screen,), daemon=True).start()
            assert process.stderr is not None
            url = next(found[0] for line in process.stderr if (found := re.search(r"http://\S+", line)))
            threading.Thread(target=_drain, args=(process.stderr.fileno(),), daemon=True).start()
            threading.Thread(target=_read_page, args=(url, stop, seen), daemon=True).start()
            time.sleep(settle_s)
            begin, cpu_s = time.monotonic(), _cpu_s(process.pid)
            while True:
                at_s = time.monotonic() - begin
                samples.append(Sample(at_s, *_memory(process.pid), log.stat().st_size))
                show(samples[-1])
                left_s = 60 * minutes - at_s
                if left_s <= 0:
                    break
                time.sleep(min(sample_s, left_s))
            seconds, cpu_s = time.monotonic() - begin, _cpu_s(process.pid) - cpu_s
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
        finally:
            stop.set()
            process.kill()
            process.wait()
            os.close(screen)
        events, heard = 0, set()
        with log.open() as lines:
            for line in lines:
                record = json.loads(line)
                if record["type"] == "event":
                    events += 1
                    heard.add(record["device"])
        return Cost(count, speed, seconds, cpu_s, samples, events, len(heard), seen[0])


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


def _memory(pid: int) -> tuple[int, int]:
    """Return the bytes that a process has asked for (RssAnon), and all its resident bytes."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return 1024 * int(lines["RssAnon"].split()[0]), 1024 * int(lines["VmRSS"].split()[0])


def filled(count: int) -> list[tuple[str, int, int]]:
    """Fill what a monitor of `count` boards keeps, with the program's own objects; return (name, how many, bytes).

    One board is looked at; browsers: as many as may be, none of which reads.
    """
    import numpy as np
    from rich.cells import cached_cell_len

    from soundfw.wire.framing import decode, encode
    from soundsdk.device.messages import Event, Hello, Mel, Scores, parse
    from soundsdk.device.protocol import Counts, LinesLost
    from soundsdk.monitor.boards.board import monitored
    from soundsdk.monitor.boards.identity import Identity
    from soundsdk.monitor.page.server import CLIENTS, QUEUED, PageServer
    from soundsdk.monitor.page.web import KEPT_STEPS, Web
    from soundsdk.monitor.state import GAPS, RECENT

    class Nowhere:
        hello, path, counts = Hello(0, 1, "0.1.0", "sim", "tones", "ab" * 32, 16000), "p", Counts()

        def read_all(self, timeout_s: float) -> list[Any]:
            return []

        def send(self, kind: str, **members: object) -> None:
            pass

    features = np.random.default_rng(1).integers(-128, 128, 400).astype(np.int8).tobytes()
    board = monitored(Nowhere(), Identity("a", "a"))
    server = PageServer()
    web = Web(server, [board])

    def events() -> None:
        for i in range(2 * RECENT):
            edge, score = (("on", "score"), ("off", "peak"))[i % 2]
            members = {"type": "event", "seq": i, "id": i // 2, "label": "siren", "edge": edge, "t": 800 * i}
            message = decode(encode({**members, score: 0.9}))
            assert message is not None
            item = parse(message, 16000)
            assert isinstance(item, Event)
            board.state.update(item, time.time())

    def gaps() -> None:
        for i in range(GAPS):
            board.state.update(LinesLost(1000 * i, 1000 * i + 999), time.time())

    def steps() -> None:
        for i in range(KEPT_STEPS // 2):
            web.handle(board, Scores(i, 2048 * i, -40.0 - i / 999, (i, 999 - i)), None, time.time())
            web.handle(board, Mel(i, 2048 * i, 0, features[i % 100 :]), None, time.time())

    def queues() -> None:
        clients = [server.join() for _ in range(CLIENTS)]
        server.new_clients()
        for i in range(QUEUED):
            server.publish(json.dumps({"kind": "mel", "at": i / 7, "frame": 0, "data": "A" * 530}))
        assert all(client is not None and client.queue.qsize() == QUEUED for client in clients)

    def widths() -> None:
        for i in range(cached_cell_len.cache_info().maxsize or 0):
            cached_cell_len(f"12:00:00  sim-E66141{i:06X} high         0.4 s   0.99")

    out = [
        (f"events of {count} boards, {RECENT} each", count * RECENT, count * _traced(events)),
        (f"gaps of {count} boards, {GAPS} each", count * GAPS, count * _traced(gaps)),
        ("steps with scores or features, of the board that is looked at", KEPT_STEPS, _traced(steps)),
        (f"messages to {CLIENTS} pages that do not read", CLIENTS * QUEUED, _traced(queues)),
        ("widths of texts, in Rich's cache", cached_cell_len.cache_info().maxsize or 0, _traced(widths)),
    ]
    server.close()
    return out


def _traced(fill: Callable[[], None]) -> int:
    """Return the bytes of Python objects that are there after a call and were not before."""
    gc.collect()
    tracemalloc.start()
    fill()
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="minutes to measure")
    parser.add_argument("--boards", type=int, default=BOARDS, help="boards at once")
    parser.add_argument("--settle", type=float, default=SETTLE_S, help="seconds before that")
    parser.add_argument("--sample", type=float, default=SAMPLE_S, help="seconds between looks at the memory")
    parser.add_argument("--speed", type=float, default=1.0, help="factor by which the boards live faster")
    parser.add_argument("--check", action="store_true", help="exit code 6 if a bound is not held")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given: Any = parser.parse_args()
    if given.serve:
        serve(given.serve, given.folder, given.speed)
        return 0

    def show(sample: Sample) -> None:
        sizes = (sample.asked_bytes, sample.resident_bytes, sample.log_bytes)
        asked, resident, log = (f"{size / 1e6:.2f} MB" for size in sizes)
        print(f"  {sample.at_s / 60:5.1f} min  {asked} ({resident} resident)  log {log}", flush=True)

    cost = measure(given.minutes, given.boards, given.settle, given.speed, given.sample, show)
    print(f"{cost.boards} boards for {cost.seconds:.0f} s, {cost.hours:.2f} h of each: {cost.events} edges of events, "
          f"{cost.messages} messages to the page")  # fmt: skip
    print(f"  CPU     {100 * cost.share:.1f} % of a core ({cost.cpu_s:.1f} s, user and system)")
    print(f"  growth  {cost.growth_bytes / 1e6:.2f} MB an hour of the boards, by the slope of the second half")
    parts = filled(given.boards)
    print(f"  filled  {sum(size for _, _, size in parts) / 1e6:.1f} MB is what can be kept:")
    for name, number, size in parts:
        print(f"          {size / 1e6:5.2f} MB  {number:5d} {name}")
    # Boards that live faster send more, so the share is no promise there.
    share = cost.share <= BOUND or cost.speed != 1
    flat = cost.growth_bytes <= FLAT_BYTES or cost.hours < JUDGED_HOURS
    held = share and flat and cost.boards_heard == cost.boards
    bounds = f"{100 * BOUND:g} % at --speed 1, {FLAT_BYTES / 1e6:.2f} MB an hour after {JUDGED_HOURS:g} h, every board"
    print(f"  bounds  {bounds}: {'held' if held else 'NOT held'}")
    return 6 if given.check and not held else 0


if __name__ == "__main__":
    sys.exit(main())
