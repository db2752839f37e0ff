"""Faulty links: any Transport with byte noise, losses, a slow line, or a cable that is pulled.

    link = Faulty(open_sim("sim"), noise=Noise(replace=0.003, drop=0.003, double=0.003, seed=1))
    device = Device(link)
    link.unplug()                               # or Faulty(..., unplug_read=5000), at the byte

Every fault is repeatable: it depends on the seed and on the bytes that have passed, not on time.
"""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np

from soundsdk.device.transport import ConnectionLost, Transport


class Noise:
    """Damage to bytes: each is replaced by another value, dropped, or doubled, with these probabilities.

    kept: for each byte of the last apply(), whether it passed unharmed.
    """

    def __init__(self, replace: float = 0.0, drop: float = 0.0, double: float = 0.0, seed: int = 0) -> None:
        if min(replace, drop, double) < 0 or replace + drop + double > 1:
            raise ValueError("probabilities are 0 to 1, together at most 1")
        self._cumulative = np.cumsum([replace, drop, double])
        self._random = np.random.default_rng(seed)
        self.kept = np.zeros(0, np.bool_)
        self.damaged = 0  # bytes so far

    def apply(self, data: bytes) -> bytes:
        """Return what arrives of data."""
        values = np.frombuffer(data, np.uint8).copy()
        roll = self._random.random(len(values))
        replaced, dropped, doubled = self._cumulative
        self.kept = roll >= doubled
        change = np.flatnonzero(roll < replaced)
        values[change] ^= self._random.integers(1, 256, len(change)).astype(np.uint8)
        times = np.ones(len(values), np.intp)
        times[(roll >= replaced) & (roll < dropped)] = 0
        times[(roll >= dropped) & (roll < doubled)] = 2
        self.damaged += len(values) - int(np.count_nonzero(self.kept))
        return np.repeat(values, times).tobytes()


class Filter(Protocol):
    """Anything that changes bytes on their way, such as Noise."""

    def apply(self, data: bytes) -> bytes:
        """Return what arrives of data."""


class Faulty:
    """A Transport with faults.

    noise: on what the board sends; noise_out: on what it receives. unplug_read, unplug_written: the cable is pulled
    after that many bytes from or to the board; those bytes arrive. bytes_s: the speed of the line, in each direction.
    silent: the board neither receives nor sends.
    """

    def __init__(
        self,
        transport: Transport,
        noise: Filter | None = None,
        noise_out: Filter | None = None,
        unplug_read: int | None = None,
        unplug_written: int | None = None,
        bytes_s: float | None = None,
        silent: bool = False,
    ) -> None:
        self.inner = transport
        self.path = transport.path
        self.serial_number = transport.serial_number
        self.read_bytes = 0  # from the board, before noise
        self.written_bytes = 0
        self.silent = silent
        self._noise = noise
        self._noise_out = noise_out
        self._unplug_read = unplug_read
        self._unplug_written = unplug_written
        self._bytes_s = bytes_s
        self._pending = b""
        self._gone = False

    @property
    def sound_over(self) -> bool:
        """Return True once the recording of the virtual board behind it is over."""
        return bool(getattr(self.inner, "sound_over", False))

    def unplug(self) -> None:
        """Pull the cable: from now on every read and write raises ConnectionLost. The board runs on until close()."""
        self._gone = True

    def _check(self) -> None:
        if self._gone:
            raise ConnectionLost(f"the board at {self.path} has gone.", "Plug it in again.")

    def read(self, timeout_s: float) -> bytes:
        """Read as Transport.read does, through the faults."""
        self._check()
        if self._unplug_read is not None and self.read_bytes >= self._unplug_read:
            self.unplug()
            self._check()
        if self.silent:
            self.inner.read(0)
            time.sleep(timeout_s)
            return b""
        data = self._pending or self.inner.read(timeout_s)
        most = len(data)
        if self._unplug_read is not None:
            most = min(most, self._unplug_read - self.read_bytes)
        if self._bytes_s:
            most = min(most, max(1, int(self._bytes_s / 50)))
        self._pending = data[most:]
        data = data[:most]
        self.read_bytes += most
        self._pace(most)
        return self._noise.apply(data) if self._noise and data else data

    def write(self, data: bytes) -> None:
        """Write as Transport.write does, through the faults."""
        self._check()
        most = len(data)
        if self._unplug_written is not None:
            most = min(most, max(0, self._unplug_written - self.written_bytes))
        part = data[:most]
        self.written_bytes += most
        self._pace(most)
        if part and not self.silent:
            self.inner.write(self._noise_out.apply(part) if self._noise_out else part)
        if most < len(data):
            self.unplug()
            self._check()

    def _pace(self, count: int) -> None:
        if self._bytes_s:
            time.sleep(count / self._bytes_s)

    def close(self) -> None:
        """Close the link and the transport below it."""
        self._gone = True
        self.inner.close()

    def reopen(self) -> Transport:
        """Return a new transport to the same board, without faults."""
        return self.inner.reopen()
