"""The folds of a cross-validation, each trained by a process of its own or by a worker of a Dask cluster."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from soundsdk.errors import UsageError
from soundsdk_train.run_settings import RunSettings

if TYPE_CHECKING:
    from soundsdk_train.training_run import TrainedDetector

_one_at_a_time = threading.Lock()  # TensorFlow's seeds are the process's: a worker's threads must take turns


@dataclass
class FoldJob:
    """One fold to hold out. data: folder of recordings, at the same path for every worker.

    given: the tables of the settings file, which say what is the user's choice and what a default.
    """

    data: str
    layout: str
    fold: int
    settings: RunSettings
    given: dict[str, Any]


@dataclass
class TrainedFold:
    """The detector of a fold."""

    fold: int
    detector: TrainedDetector


def train_fold(job: FoldJob, *, show: bool = False) -> TrainedFold:
    """Train the detector of one fold; show: with the progress of its epochs."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from soundsdk_train import training_run
    from soundsdk_train.datasets import scan
    from soundsdk_train.preparation import choose_head, choose_start, load_split
    from soundsdk_train.progress import TrainingDisplay

    with _one_at_a_time:
        dataset = scan(job.data, job.layout)
        choose_head(dataset, job.settings, job.given)
        pretrained = choose_start(dataset, job.fold, job.settings, job.given)
        train, test, labels = load_split(dataset, job.fold, job.settings)
        with TrainingDisplay() if show else nullcontext() as display:
            watched: dict[str, Any] = {"on_epoch": display.epoch, "on_stage": display.stage} if display else {}
            detector = training_run.train_detector(
                train, test, labels, job.settings, test_fold=job.fold, pretrained=pretrained, **watched
            )
    return TrainedFold(job.fold, detector)


def one_after_another(jobs: Sequence[FoldJob]) -> Iterator[TrainedFold]:
    """Train the folds in this process, in order."""
    for job in jobs:
        yield train_fold(job, show=True)


def in_processes(jobs: Sequence[FoldJob], workers: int) -> Iterator[TrainedFold]:
    """Train the folds in processes that share the cores; yield each as it is done."""
    threads = max(1, (os.cpu_count() or 1) // workers)
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

    The recordings must lie at the same path there. Raises UsageError if distributed is not installed or there is no
    scheduler at the address.
    """
    try:
        import distributed
    except ImportError as error:
        raise UsageError("--dask needs the package distributed.", "pip install 'soundsdk[dask]'") from error
    try:
        client = distributed.Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"there is no Dask scheduler at {address}.", "Give the address that it shows as it starts, tcp://HOST:PORT."
        ) from error
    with client:
        # Not pure: a second run with the same settings trains again.
        for future in distributed.as_completed([client.submit(train_fold, job, pure=False) for job in jobs]):
            yield future.result()


def default_workers(folds: int) -> int:
    """Return the number of processes for so many folds: no more than cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
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
