"""A board with an RP2040 that runs a UF2 image in emulated time: the same calls give the same results."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DeviceError, UsageError
from soundsdk_sim.raw_repl import RawRepl
from soundsdk_sim.rp2040.microphones import AdcMicrophone, I2sMicrophone, PdmMicrophone
from soundsdk_sim.rp2040.node_process import NodeProcess
from soundsdk_sim.rp2040.prerequisites import bootrom

FLASH_BYTES = 2 << 20
SLOWEST_HZ = 1_000_000  # emulated cycles per second on a slow and busy computer


@dataclass(frozen=True)
class CycleMark:
    """A store to the watchdog's SCRATCH3 (0x40058018), which firmware may use to mark a moment.

    cycle: CPU cycles since the first power-on.
    """

    value: int
    cycle: int


@dataclass(frozen=True)
class PinChange:
    """A change of a watched pin. high: it is driven high now, else low, or not driven.

    cycle: CPU cycles since the first power-on. sound_waiting: samples that the microphone still had.
    """

    pin: int
    high: bool
    cycle: int
    sound_waiting: int


@dataclass(frozen=True)
class FunctionCall:
    """One call of a watched function; its cycles include the functions it called, but neither exceptions nor sleep.

    depth: number of watched callers. exceptions: cycles in exception handlers during the call; slept: cycles asleep in
    WFE or WFI. exceptions_before, slept_before: the same from the latest power-on to the call.
    """

    name: str
    depth: int
    begin: int
    cycles: int
    exceptions: int
    exceptions_before: int
    slept: int
    slept_before: int


@dataclass(frozen=True)
class FunctionTotal:
    """All calls of a watched function.

    cycles: their sum, without exceptions and sleep; least, most: the cycles of one call; exceptions: cycles in
    exception handlers.
    """

    calls: int
    cycles: int
    exceptions: int
    least: int
    most: int


@dataclass(frozen=True)
class CallReport:
    """The calls counted so far. totals: by function; log: the first 100,000 calls, in the order of their ends."""

    totals: dict[str, FunctionTotal]
    log: list[FunctionCall]


class Rp2040:
    """One board, as a context manager.

    uf2: the image. microphone: the one on the board's pins, if any. flash: contents of the whole flash, on top of which
    the image is written; blank by default.

    Every call returns: emulated time is bounded by the call, wall-clock time by the needs of a slow computer. Raises
    ToolError if a tool is missing, DeviceError if the emulator fails or the chip halts; UsageError if the image cannot
    be read.
    """

    def __init__(
        self,
        uf2: str | Path,
        microphone: I2sMicrophone | PdmMicrophone | AdcMicrophone | None = None,
        flash: Path | None = None,
    ) -> None:
        path = Path(uf2).absolute()
        if not path.is_file():
            raise UsageError(f"there is no firmware image {uf2}.", "Build one: soundsdk build rpi_pico.")
        rom = bootrom()
        self._state: dict[str, Any] = {}
        self._microphone = microphone
        self._process = NodeProcess()
        try:
            self._request(
                "start",
                rom=str(rom),
                uf2=str(path),
                flash=str(flash.absolute()) if flash else None,
                microphone=asdict(microphone) | {"kind": microphone.kind} if microphone else None,
            )
        except DeviceError as error:
            self._process.close()
            if "cannot be loaded" in error.message:
                raise UsageError(error.message.split(": ", 1)[1], "Give a UF2 file for the RP2040.") from error
            raise

    def __enter__(self) -> Rp2040:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    @property
    def cycles(self) -> int:
        """CPU cycles since the first power-on, sleep included."""
        return int(self._state["cycles"])

    @property
    def instructions(self) -> int:
        """Instructions executed since the first power-on."""
        return int(self._state["instructions"])

    @property
    def clock_hz(self) -> int:
        """The CPU's clock, as the firmware has set it."""
        return int(self._state["clockHz"])

    @property
    def power_ons(self) -> int:
        """1, and 1 more for each reset by the firmware or its watchdog."""
        return int(self._state["powerOns"])

    @property
    def sound_waiting(self) -> int:
        """Samples that the microphone has not sent yet."""
        return int(self._state["soundWaiting"])

    def boot(self, timeout_ms: float = 5000) -> bytes:
        """Run until the USB serial port is up and return what it has sent by then.

        Raises DeviceError if it does not come up.
        """
        sent = b"" if self._state["connected"] else self.run(timeout_ms)
        if not self._state["connected"]:
            raise DeviceError(
                f"the firmware's USB serial port is not up after {timeout_ms:.0f} ms of its time.",
                "Check that the image is for the RP2040 and has USB.",
            )
        return sent

    def run(self, ms: float, until: bytes | None = None) -> bytes:
        """Run for that much of the board's time, or until the port has sent `until`, and return what it has sent.

        The first run also ends when the port comes up.
        """
        return self._run(ms, until)[0]

    def read_until(self, end: bytes, timeout_ms: float) -> bytes:
        """Run until the port has sent `end` and return what it has sent, `end` included.

        Raises DeviceError if that does not come.
        """
        sent, found = self._run(timeout_ms, end)
        if not found:
            raise DeviceError(
                f"the board has not sent {end!r} within {timeout_ms:.0f} ms of its time; it sent {sent[-200:]!r}."
            )
        return sent

    def send(self, data: bytes) -> None:
        """Send bytes to the serial port; they arrive while the board runs."""
        self._request("send", data=base64.b64encode(data).decode())

    def repl(self, timeout_s: float = 5.0) -> RawRepl:
        """Stop the running program with Ctrl-C and return MicroPython's raw REPL; its timeouts are the board's time."""
        self.send(b"\r\x03\x03")
        self.run(50)

        def read_until(end: bytes, timeout_s: float) -> bytes:
            return self.read_until(end, 1000 * timeout_s)[: -len(end)]

        return RawRepl(self.send, read_until, timeout_s)

    def lines(self, ms: float) -> Iterator[bytes]:
        """Run for that much of the board's time and yield the lines it sends, as they come, without their ends."""
        rest = bytearray()
        end = self.cycles + round(ms * self.clock_hz / 1000)  # whole: of less than a cycle nothing would run
        while self.cycles < end:
            rest += self.run(min(100.0, (end - self.cycles) * 1000 / self.clock_hz))
            *whole, last = rest.split(b"\n")
            yield from (bytes(line).rstrip(b"\r") for line in whole)
            rest = bytearray(last)

    def feed(self, pcm: NDArray[np.int16]) -> None:
        """Append sound to what the microphone still has: (samples,), or (samples, 2) for two microphones.

        One sample goes out with each frame that the firmware clocks: the rate is the firmware's. For a PDM microphone
        it is (words,): 16 bits each, the most significant first.
        """
        if self._microphone is None:
            raise UsageError("this board has no microphone.", "Give Rp2040 one.")
        stereo = isinstance(self._microphone, I2sMicrophone) and self._microphone.channel == "both"
        if (pcm.ndim == 2) != stereo or pcm.dtype != np.int16:
            raise UsageError("sound for the microphone is int16, with two columns for two microphones.")
        with tempfile.NamedTemporaryFile(suffix=".pcm") as file:
            file.write(pcm.astype("<i2").tobytes())
            file.flush()
            self._request("sound", path=file.name)

    def watch(self, functions: Mapping[str, int]) -> None:
        """Count the cycles of these functions (name: address) from now on."""
        self._request("watch", functions=list(functions.items()))

    def calls(self) -> CallReport:
        """Return what `watch` has counted so far."""
        report = self._request("calls").get("calls")
        if report is None:
            raise UsageError("no function is watched.", "Call watch() first.")
        names = report["names"]
        return CallReport(
            {name: FunctionTotal(**total) for name, total in zip(names, report["totals"], strict=True)},
            [FunctionCall(names[index], *rest) for index, *rest in report["log"]],
        )

    def marks(self) -> list[CycleMark]:
        """Return every mark so far."""
        return [CycleMark(*mark) for mark in self._request("marks")["marks"]]

    def watch_pins(self, pins: Iterable[int]) -> None:
        """Log the changes of these GPIOs from now on."""
        self._request("watch_pins", pins=list(pins))

    def pin_changes(self) -> list[PinChange]:
        """Return every change of a watched pin so far."""
        changes = self._request("pin_changes")["changes"]
        return [PinChange(pin, bool(high), cycle, waiting) for pin, high, cycle, waiting in changes]

    def save_flash(self, path: Path) -> None:
        """Write the flash (2 MB) to a file, for `flash` of another board."""
        self._request("save", path=str(path.absolute()), bytes=FLASH_BYTES)

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[int]:
        """Serve the serial port over TCP on this computer during the block and yield the port number (0: a free one).

        The board then runs no faster than real time, and its run is no longer repeatable.
        """
        self._process.send("serve", port=port)
        try:
            yield int(self._process.read_answer()["port"])
        finally:
            # Any request ends it.
            self._process.send("marks")
            for _ in ("serve", "marks"):
                self._state = self._process.read_answer()

    def _run(self, ms: float, until: bytes | None) -> tuple[bytes, bool]:
        cycles = round(ms * self.clock_hz / 1000)
        answer = self._request(
            "run",
            timeout_s=60 + cycles / SLOWEST_HZ,
            cycles=cycles,
            until=base64.b64encode(until).decode() if until else None,
        )
        if answer["halted"]:
            raise DeviceError(f"the emulated chip has halted: {answer['halted']}.", "The firmware has crashed.")
        return base64.b64decode(answer["serial"]), bool(answer["found"])

    def _request(self, op: str, timeout_s: float = 30.0, **arguments: Any) -> dict[str, Any]:
        self._process.send(op, **arguments)
        answer = self._process.read_answer(timeout_s)
        self._state = answer
        return answer
