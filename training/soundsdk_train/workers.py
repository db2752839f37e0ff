"""Processes that train one network together, each on its part of every batch, over tf.distribute's collectives.

Every process has all variables and makes the same batches; what is summed over a whole batch (moments of
normalisations, losses, gradients) is summed over the processes, so that all hold the same weights after each step.
"""

from __future__ import annotations

import faulthandler
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import SoundsdkError, UsageError
from soundsdk_train.checkpoint import TrainingError

_ABORTED = 10  # tf.errors.ABORTED
_PREPARED_S = 3600.0  # for which a worker waits for the others' data; one that dies is noticed earlier
_JOIN_S = 60.0
_RESUME = "Start all workers again with --resume: the checkpoint of worker 0 is kept."


class Workers:
    """This process and those it trains with; without addresses it is alone.

    addresses: HOST:PORT of each worker, the same list for all. number: which of them is this process; worker 0
    decides what the training starts from, and is the only one that writes. meet_s: how long it waits for the others.
    silent_s: after how long without a sign of life a worker counts as lost; step_s: how long a sum may take.
    Raises UsageError for addresses that cannot be, and TrainingError if a worker does not come.
    """

    def __init__(
        self,
        addresses: Sequence[str] = (),
        number: int = 0,
        *,
        meet_s: float = 120.0,
        silent_s: float = 20.0,
        step_s: float = 120.0,
    ) -> None:
        if addresses:
            check_addresses(addresses, number)
        self.count = max(1, len(addresses))
        self.number = number
        self._strategy: Any = None
        self._step_s = step_s
        self._left = False
        if self.count > 1:
            _gather(addresses, number, meet_s)
            self._strategy = _join(addresses, number, silent_s)

    @property
    def first(self) -> bool:
        """True for the process that writes."""
        return self.number == 0

    def rows(self, size: int) -> slice:
        """Return this worker's rows of a batch. Raises UsageError if it does not divide among the workers."""
        if size % self.count:
            raise UsageError(
                f"a batch of {size} does not divide among {self.count} workers.",
                "Change train.batch or negatives.share, or the number of workers.",
            )
        each = size // self.count
        return slice(self.number * each, (self.number + 1) * each)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function of tensors in which summed() sums over the workers. Called within a tf.function."""
        if self._strategy is None:
            return function(*arguments)
        with _sums_within(self._step_s):
            return self._strategy.run(function, arguments)

    def share(self, data: bytes) -> bytes:
        """Return the data that worker 0 gives; the others' own counts nothing."""
        if self._strategy is None:
            return data
        own = np.frombuffer(data if self.first else b"", np.uint8).astype(np.float32)
        length = int(sum(self._sum(np.array([len(own) >> 16, len(own) & 0xFFFF], np.float32)) * [65536, 1]))
        whole = np.zeros(length, np.float32)
        whole[: len(own)] = own
        return self._sum(whole).astype(np.uint8).tobytes() if length else b""

    def start_alike(self, variables: Sequence[Any]) -> None:
        """Give all workers worker 0's values of the variables."""
        if self._strategy is None:
            return
        values = [np.asarray(v) for v in variables]
        shared, at = self.share(b"".join(v.tobytes() for v in values)), 0
        for variable, value in zip(variables, values, strict=True):
            new = np.frombuffer(shared[at : at + value.nbytes], value.dtype).reshape(value.shape)
            variable.assign(new)
            at += value.nbytes

    def agree(self, identity: str) -> None:
        """Raise UsageError in every worker if one has another identity than worker 0."""
        differs = float(self.share(identity.encode()) != identity.encode())
        if self._strategy is not None and self._sum(np.array([differs], np.float32))[0]:
            here = f"worker {self.number}" if differs else "another worker"
            raise UsageError(
                f"{here} has other settings, labels or recordings than worker 0.",
                "Give all workers the same command but for --worker, and the same recordings.",
            )

    @contextmanager
    def together(self) -> Iterator[Workers]:
        """Raise TrainingError if a worker is lost in this context; an error here is one for all of them."""
        if self._strategy is None:
            yield self
            return
        try:
            yield self
        except _lost_errors() as error:
            raise TrainingError(f"another worker is gone: {_reason(str(error))}", _RESUME) from error
        except SoundsdkError as error:
            self.leave(error.message)
            raise
        except BaseException as error:
            self.leave(f"{type(error).__name__} {error}")
            raise

    def leave(self, reason: str) -> None:
        """Let the other workers know that this one does not go on; they end with an error."""
        if self._strategy is not None and not self._left:
            import tensorflow as tf
            from tensorflow.python.eager import context

            self._left = True
            with suppress(tf.errors.OpError):  # one that has heard of another's loss is not heard itself
                context.context().report_error_to_cluster(_ABORTED, f"[worker {self.number}: {reason}]")

    def _sum(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the sum of the workers' values, for which it waits until all are prepared."""
        import tensorflow as tf

        def total(own: Any) -> Any:
            with _sums_within(_PREPARED_S):
                return self._strategy.run(lambda value: summed([value])[0], (own,))

        own = tf.constant(values)
        # Traced for these values alone; called through tf.function, TensorFlow would warn of that.
        return np.asarray(tf.function(total).get_concrete_function(own)(own))


def replica() -> tuple[Any, int]:
    """Return the number of the worker whose graph is being traced, and of how many: (0, 1) outside Workers.run."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    count = 1 if context is None else context.num_replicas_in_sync
    return (context.replica_id_in_sync_group if count > 1 else 0), count


def summed(values: Sequence[Any]) -> list[Any]:
    """Return the float32 tensors summed over the workers, in one exchange; of a single worker as they are.

    Gradients do not flow through it.
    """
    import tensorflow as tf

    if replica()[1] == 1:
        return list(values)
    flat = tf.concat([tf.reshape(value, (-1,)) for value in values], 0)
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=_timeout.seconds)
    total = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, flat, options)
    parts = tf.split(total, tf.stack([tf.size(value) for value in values]), num=len(values))
    return [tf.reshape(part, tf.shape(value)) for part, value in zip(parts, values, strict=True)]


class _Timeout(threading.local):
    seconds = _PREPARED_S


_timeout = _Timeout()


@contextmanager
def _sums_within(seconds: float) -> Iterator[None]:
    """Set how long the sums may take that are traced in this context."""
    before, _timeout.seconds = _timeout.seconds, seconds
    try:
        yield
    finally:
        _timeout.seconds = before


def check_addresses(addresses: Sequence[str], number: int) -> None:
    """Raise UsageError unless each address is HOST:PORT, none is there twice, and one is that of worker `number`."""
    for address in addresses:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise UsageError(f"{address!r} is no address of a worker.", "Give HOST:PORT of each, separated by commas.")
    if len(set(addresses)) < len(addresses):
        raise UsageError("two workers have the same address.", "Give each a port of its own.")
    if not 0 <= number < len(addresses):
        raise UsageError(
            f"there is no worker {number} of {len(addresses)}.", f"Give --worker 0 to {len(addresses) - 1}."
        )


def _gather(addresses: Sequence[str], number: int, meet_s: float) -> None:
    """Wait until all workers are there: each connects to worker 0, which answers when the last one has come.

    tf.distribute would wait for them without end. Raises TrainingError after meet_s seconds.
    """
    end = time.monotonic() + meet_s
    host, _, port = addresses[0].rpartition(":")
    hint = f"Start all {len(addresses)} workers within {meet_s:g} s, with the same --workers."
    if number > 0:
        while time.monotonic() < end:
            try:
                with socket.create_connection((host, int(port)), max(0.1, end - time.monotonic())) as connection:
                    connection.settimeout(max(0.1, end - time.monotonic()))
                    connection.sendall(f"{number} {','.join(addresses)}\n".encode())
                    if connection.recv(1) == b"\n":
                        return
            except OSError:
                pass
            time.sleep(0.2)
        raise TrainingError(f"worker {number} could not meet worker 0 at {addresses[0]} within {meet_s:g} s.", hint)
    here: dict[int, socket.socket] = {}
    try:
        with socket.create_server((host, int(port))) as server:
            while len(here) < len(addresses) - 1:
                server.settimeout(max(0.1, end - time.monotonic()))
                connection, _ = server.accept()
                connection.settimeout(5.0)
                words = connection.recv(65536).decode("ascii", "replace").split()
                if words[1:] == [",".join(addresses)] and words[0].isdigit() and 0 < int(words[0]) < len(addresses):
                    here[int(words[0])] = connection
                else:
                    connection.close()
    except TimeoutError as error:
        missing = [str(n) for n in range(1, len(addresses)) if n not in here]
        raise TrainingError(f"worker {', '.join(missing)} did not come within {meet_s:g} s.", hint) from error
    except OSError as error:
        raise UsageError(f"worker 0 cannot listen on {addresses[0]}: {error.strerror}.", "Give a free port.") from error
    else:
        for connection in here.values():
            connection.sendall(b"\n")
    finally:
        for connection in here.values():
            connection.close()


def _join(addresses: Sequence[str], number: int, silent_s: float) -> Any:
    """Return the strategy of workers that are all there. It must come before anything else that starts TensorFlow."""
    import tensorflow as tf
    from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
    from tensorflow.python.eager import context

    gpus = tf.config.list_physical_devices("GPU")
    tf.config.set_visible_devices(gpus[:1], "GPU")  # a worker for each GPU: one replica per process
    # Configured here since tf.distribute leaves open after how long a silent worker is lost.
    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader="/job:worker/replica:0/task:0",
        heartbeat_timeout_in_ms=round(1000 * silent_s),
        coordinated_jobs=[coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=len(addresses))],
    )
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(addresses)}),
        task_type="worker",
        task_id=number,
        num_accelerators={"GPU": min(1, len(gpus))},
    )
    # Should a worker go between the meeting and here, nothing but another thread can end the wait.
    faulthandler.dump_traceback_later(_JOIN_S, exit=True)
    terminated = signal.getsignal(signal.SIGTERM)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except (tf.errors.OpError, RuntimeError) as error:
        raise TrainingError(
            f"worker {number} could not join the others: {_reason(str(error))}",
            "Each worker must be able to listen on its own address, and to reach those of the others.",
        ) from error
    finally:
        faulthandler.cancel_dump_traceback_later()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, terminated)  # TensorFlow would take it, and do nothing


def _lost_errors() -> tuple[type[Exception], ...]:
    import tensorflow as tf

    names = ("AbortedError", "CancelledError", "DeadlineExceededError", "FailedPreconditionError")
    return tuple(getattr(tf.errors, name) for name in (*names, "InternalError", "UnavailableError", "UnknownError"))


def _reason(text: str) -> str:
    """Return what another worker reported, else the first line of an error that says something."""
    if "[worker " in text:
        return text.partition("[")[2].partition("]")[0] + "."
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if "ollective" in line and "defined at" not in line]
    return (told or lines)[0].rstrip(".") + "."
