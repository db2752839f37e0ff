"""Work on several recordings in processes side by side; what each prints comes out whole, in the order of the work."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import signal
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import click

from soundsdk.errors import DataError, SoundsdkError

Work = Callable[[int], int]


@dataclass(frozen=True)
class _Printed:
    """The output of one piece of work, its count, and why its recording could not be used."""

    out: bytes
    err: str
    count: int
    refused: DataError | None


def one_after_another(work: Work, number: int) -> Generator[int | DataError, None, None]:
    """Do `work` for 0..number - 1 in this process; yield each one's count, or why its recording could not be used."""
    for i in range(number):
        try:
            yield work(i)
        except DataError as error:
            yield error


def in_processes(work: Work, number: int, workers: int) -> Generator[int | DataError, None, None]:
    """Do the same in so many processes, and print what each printed before its result is yielded.

    Whatever ends the iteration ends the processes. Raises SoundsdkError when one of them is ended from outside.
    """
    # Spawned, not forked: this process may have threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, number), context, _leave_signals) as pool:
        futures = [pool.submit(_captured, work, i) for i in range(number)]
        try:
            for future in futures:
                printed = future.result()
                click.echo(printed.err, err=True, nl=False)
                sys.stdout.buffer.write(printed.out)
                sys.stdout.flush()
                yield printed.count if printed.refused is None else printed.refused
        except BrokenProcessPool as error:
            raise SoundsdkError(
                "a process that played a recording was ended.", "Where memory is short, use fewer with --jobs."
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _leave_signals() -> None:
    """Leave Ctrl-C to the first process, which ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _captured(work: Work, number: int) -> _Printed:
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", newline=""), io.StringIO()
    count, refused = 0, None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            count = work(number)
        except DataError as error:
            refused = error
        out.flush()
    data = out.buffer
    assert isinstance(data, io.BytesIO)
    return _Printed(data.getvalue(), err.getvalue(), count, refused)
