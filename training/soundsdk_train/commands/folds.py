"""The folds of a cross-validation, each trained by a process of its own or by a worker of a Dask cluster."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import click

from soundsdk.errors import UsageError
from soundsdk.install.packages import need

if TYPE_CHECKING:
    from soundsdk_train.training_job import TrainingRequest
    from soundsdk_train.training_run import TrainedDetector

IDENTITY = "crossval"  # in the record of a fold: what its detector was to be made of

_one_at_a_time = threading.Lock()  # TensorFlow's seeds are the process's: a worker's threads must take turns


@dataclass
class FoldJob:
    """One fold to hold out, as `soundsdk train --fold` would; its data lie at the same path for every worker."""

    request: TrainingRequest

    @property
    def fold(self) -> int:
        """The fold that is held out."""
        assert self.request.fold is not None
        return self.request.fold

    @property
    def title(self) -> str:
        """The fold, and the seed if one was asked for, in words."""
        return f"fold {self.fold}" + ("" if self.request.seed is None else f", seed {self.request.seed}")


@dataclass
class TrainedFold:
    """A job that is done: the record of its run; detector: what is still to be written, None if it was."""

    job: FoldJob
    record: dict[str, Any]
    detector: TrainedDetector | None = None


def finished_fold(job: FoldJob) -> TrainedFold | None:
    """Return what an earlier run has made of the same job; None if it has not, or of other settings or data."""
    path = job.request.output.with_suffix(".run.json")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        same = record[IDENTITY] == job.request.also_recorded[IDENTITY] and job.request.output.is_file()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return TrainedFold(job, record) if same else None


def train_fold(job: FoldJob, *, show: bool = False, here: bool = True) -> TrainedFold:
    """Train the detector of one fold; show: with the progress of its epochs.

    here: write it, with checkpoints beside it, as `soundsdk train` does; else it is left to the caller. Ctrl-C is a
    KeyboardInterrupt: a fold that was not trained to its end has no figures.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from soundsdk_train.training_job import make_detector, run_training

    def say(text: str) -> None:
        click.echo(f"{job.title}: {text}", err=True)

    with _one_at_a_time:
        if not here:
            made = make_detector(job.request, say, None, show=show)
            assert made is not None  # a fold is trained by one process
            return TrainedFold(job, made[0].record, made[0])
        done = run_training(job.request, say, show=show)
        assert done is not None
        if done.interrupted:
            raise KeyboardInterrupt
    return TrainedFold(job, done.detector.record)


def one_after_another(jobs: Sequence[FoldJob]) -> Iterator[TrainedFold]:
    """Train the folds in this process, in order."""
    for job in jobs:
        yield train_fold(job, show=True)


def usable_cores() -> int:
    """Return the number of cores that this process may use, which may be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(jobs: Sequence[FoldJob], workers: int) -> Iterator[TrainedFold]:
    """Train the folds in processes that share the cores; yield each as it is done."""
    threads = max(1, usable_cores() // workers)
    # Spawned, not forked: this process may hold TensorFlow's threads.
    with ProcessPoolExecutor(workers, get_context("spawn"), _share_cores, (threads,)) as pool:
        futures = [pool.submit(train_fold, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def on_dask(jobs: Sequence[FoldJob], address: str) -> Iterator[TrainedFold]:
    """Train the folds on the workers of a Dask cluster; yield each as it is done.

    The recordings and the teacher must lie at the same path there. Raises MissingPackageError without distributed,
    UsageError if there is no scheduler at the address.
    """
    need("--dask", "dask")
    import distributed

    try:
        client = distributed.Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"there is no Dask scheduler at {address}.", "Give the address that it shows as it starts, tcp://HOST:PORT."
        ) from error
    with client:
        # Not pure: a second run with the same settings trains again.
        futures = [client.submit(train_fold, job, here=False, pure=False) for job in jobs]
        for future in distributed.as_completed(futures):
            yield future.result()


def default_workers(folds: int) -> int:
    """Return the number of processes for so many folds: no more than cores that this process may use."""
    cores = usable_cores()
    return max(1, min(folds, cores))


def runner(workers: int, dask: str | None) -> Callable[[Sequence[FoldJob]], Iterator[TrainedFold]]:
    """Return what trains the folds."""
    if dask is not None:
        return lambda jobs: on_dask(jobs, dask)
    return one_after_another if workers == 1 else lambda jobs: in_processes(jobs, workers)


def _share_cores(threads: int) -> None:
    """Limit the threads of a process before it loads TensorFlow."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(threads)
