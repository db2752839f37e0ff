"""A board with an RP2040 that runs a UF2 image, driven in emulated time: the same calls give the same answers."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DeviceError, UsageError
from soundsdk_sim.rp2040 import tools
from soundsdk_sim.rp2040.process import Process

FLASH_BYTES = 2 << 20
SLOWEST_HZ = 1_000_000  # emulated cycles per second on a slow and busy computer


@dataclass(frozen=True)
class Microphone:
    """An I2S microphone: GPIO numbers, the channel it answers in ("both": two of them), its resolution in bits.

    An int16 sample is the top 16 of those bits, which are left-justified in slots of 32.
    """

    sck: int
    ws: int
    sd: int
    channel: Literal["left", "right", "both"] = "left"
    bits: int = 24

    def __post_init__(self) -> None:
        if not all(0 <= pin < 30 for pin in (self.sck, self.ws, self.sd)) or len({self.sck, self.ws, self.sd}) < 3:
            raise UsageError("a microphone needs three different pins of 0..29.")
        if self.channel not in ("left", "right", "both") or not 16 <= self.bits <= 32:
            raise UsageError("a microphone's channel is left, right or both, and its resolution 16..32 bits.")


@dataclass(frozen=True)
class PdmMicrophone:
    """A PDM microphone: GPIO numbers, and "left" if its L/R pin is low. It is fed with bits, see `modulate` in pdm."""

    clk: int
    data: int
    channel: Literal["left", "right"] = "left"

    def __post_init__(self) -> None:
        if not all(0 <= pin < 30 for pin in (self.clk, self.data)) or self.clk == self.data:
            raise UsageError("a PDM microphone needs two different pins of 0..29.")
        if self.channel not in ("left", "right"):
            raise UsageError("a PDM microphone's channel is left or right.")


@dataclass(frozen=True)
class AdcMicrophone:
    """An analogue microphone on the ADC: its GPIO, 26..29. A conversion takes the upper 12 bits of a sample."""

    pin: int

    def __post_init__(self) -> None:
        if not 26 <= self.pin < 30:
            raise UsageError("an analogue microphone needs a pin of 26..29.")


_KINDS: dict[type, str] = {Microphone: "i2s", PdmMicrophone: "pdm", AdcMicrophone: "adc"}


@dataclass(frozen=True)
class Mark:
    """A store to the watchdog's SCRATCH3 (0x40058018), which firmware may use to mark a moment.

    cycle: CPU cycles since the first power-on; exception_cycles: those of them in exception handlers, since the
    newest power-on.
    """

    value: int
    cycle: int
    exception_cycles: int


@dataclass(frozen=True)
class FunctionCall:
    """One call of a watched function; cycles with those it called, without exceptions and sleep.

    depth: watched callers. exceptions: cycles in exception handlers during the call; slept: asleep in WFE or
    WFI. Both with `_before`: since the newest power-on.
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
class FunctionCycles:
    """All calls of a watched function. cycles: sum; least, most: of one call; exceptions: cycles not counted.

    Nor is sleep.
    """

    calls: int
    cycles: int
    exceptions: int
    least: int
    most: int


@dataclass(frozen=True)
class Calls:
    """totals: by function; log: the first 100,000 calls, in the order of their ends."""

    totals: dict[str, FunctionCycles]
    log: list[FunctionCall]


class Rp2040:
    """One board. Use it in a `with` statement.

    uf2: the image. microphone: what hangs on the board's pins, if anything does. flash: contents of the whole flash
    instead of a blank one, under the image.

    Every call ends by itself: emulated time is bounded by the call, time on the wall by what a slow computer needs
    for it. DeviceError if a tool is missing, the emulator fails or the chip stands still; UsageError if the image
    cannot be read.
    """

    def __init__(
        self,
        uf2: str | Path,
        microphone: Microphone | PdmMicrophone | AdcMicrophone | None = None,
        flash: Path | None = None,
    ) -> None:
        path = Path(uf2).absolute()
        if not path.is_file():
            raise UsageError(f"there is no firmware image {uf2}.", "Build one: soundsdk build rpi_pico.")
        rom = tools.bootrom()
        self._state: dict[str, Any] = {}
        self._microphone = microphone
        self._process = Process()
        try:
            self._ask(
                "start",
                rom=str(rom),
                uf2=str(path),
                flash=str(flash.absolute()) if flash else None,
                microphone=asdict(microphone) | {"kind": _KINDS[type(microphone)]} if microphone else None,
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
        """Instructions since the first power-on."""
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
        return int((self._state["microphone"] or {"waiting": 0})["waiting"])

    def boot(self, timeout_ms: float = 5000) -> bytes:
        """Runs until the USB serial port is up; what it has sent by then. DeviceError if it does not come up."""
        sent = b"" if self._state["connected"] else self.run(timeout_ms)
        if not self._state["connected"]:
            raise DeviceError(
                f"the firmware's USB serial port is not up after {timeout_ms:.0f} ms of its time.",
                "See that the image is for the RP2040 and has USB.",
            )
        return sent

    def run(self, ms: float, until: bytes | None = None) -> bytes:
        """Runs for that much of the board's time, or until the port has sent `until`; what it has sent.

        The first run also ends when the port comes up.
        """
        return self._run(ms, until)[0]

    def read_until(self, end: bytes, timeout_ms: float) -> bytes:
        """What the port sends up to and with `end`; DeviceError if that does not come."""
        sent, found = self._run(timeout_ms, end)
        if not found:
            raise DeviceError(
                f"the board has not sent {end!r} within {timeout_ms:.0f} ms of its time, but {sent[-200:]!r}."
            )
        return sent

    def send(self, data: bytes) -> None:
        """Bytes for the serial port; the board gets them while it runs."""
        self._ask("send", data=base64.b64encode(data).decode())

    def lines(self, ms: float) -> Iterator[bytes]:
        """Runs for that much of the board's time; the lines it sends, as they come, without their ends."""
        rest = bytearray()
        end = self.cycles + ms * self.clock_hz / 1000
        while self.cycles < end:
            rest += self.run(min(100.0, (end - self.cycles) * 1000 / self.clock_hz))
            *whole, last = rest.split(b"\n")
            yield from (bytes(line).rstrip(b"\r") for line in whole)
            rest = bytearray(last)

    def feed(self, pcm: NDArray[np.int16]) -> None:
        """Sound behind what the microphone still has: (samples,), or (samples, 2) for two microphones.

        One sample goes out with each frame that the firmware clocks: its rate is the firmware's. A PDM microphone
        takes (words,): 16 bits each, the most significant first.
        """
        if self._microphone is None:
            raise UsageError("this board has no microphone.")
        stereo = isinstance(self._microphone, Microphone) and self._microphone.channel == "both"
        if (pcm.ndim == 2) != stereo or pcm.dtype != np.int16:
            raise UsageError("sound for the microphone is int16, with two columns for two microphones.")
        with tempfile.NamedTemporaryFile(suffix=".pcm") as file:
            file.write(pcm.astype("<i2").tobytes())
            file.flush()
            self._ask("sound", path=file.name)

    def watch(self, functions: Mapping[str, int]) -> None:
        """Counts the cycles of these functions (name: address) from now on."""
        self._ask("watch", functions=list(functions.items()))

    def calls(self) -> Calls:
        """What `watch` has counted so far."""
        report = self._ask("calls").get("calls")
        if report is None:
            raise UsageError("no function is watched.")
        names = report["names"]
        return Calls(
            {name: FunctionCycles(**total) for name, total in zip(names, report["totals"], strict=True)},
            [FunctionCall(names[index], *rest) for index, *rest in report["log"]],
        )

    def marks(self) -> list[Mark]:
        """Every mark so far."""
        return [Mark(*mark) for mark in self._ask("marks")["marks"]]

    def save_flash(self, path: Path) -> None:
        """Writes the flash (2 MB) to a file, for `flash` of another board."""
        self._ask("save", path=str(path.absolute()), bytes=FLASH_BYTES)

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[int]:
        """The serial port as TCP on this computer, while the block runs; gives the port (0: a free one).

        Time on the board is then that of the wall, or slower; what it did is no longer repeatable.
        """
        self._process.tell("serve", port=port)
        try:
            yield int(self._process.answer()["port"])
        finally:
            # Any request ends it.
            self._process.tell("marks")
            for _ in ("serve", "marks"):
                self._state = self._process.answer()

    def _run(self, ms: float, until: bytes | None) -> tuple[bytes, bool]:
        cycles = round(ms * self.clock_hz / 1000)
        answer = self._ask(
            "run",
            timeout_s=60 + cycles / SLOWEST_HZ,
            cycles=cycles,
            until=base64.b64encode(until).decode() if until else None,
        )
        if answer["halted"]:
            raise DeviceError(f"the emulated chip stands still: {answer['halted']}.", "The firmware has crashed.")
        return base64.b64decode(answer["serial"]), bool(answer["found"])

    def _ask(self, op: str, timeout_s: float = 30.0, **arguments: Any) -> dict[str, Any]:
        self._process.tell(op, **arguments)
        answer = self._process.answer(timeout_s)
        self._state = answer
        return answer


def symbols(elf: str | Path, names: Iterable[str]) -> dict[str, int]:
    """Addresses of functions in a firmware's ELF file, for `watch`. DeviceError without nm; UsageError if one lacks."""
    wanted = list(names)
    found = tools.function_addresses(Path(elf))
    missing = [name for name in wanted if name not in found]
    if missing:
        raise UsageError(f"{elf} has no function {missing[0]}.", "It may have been inlined.")
    return {name: found[name] for name in wanted}
