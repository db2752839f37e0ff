"""Checks of what a board says: its facts, its detector's identity, how fast it answers, what it refuses."""

from __future__ import annotations

import hashlib
import statistics
import time

import numpy as np

from soundfw.wire import framing
from soundsdk.boards import find_board
from soundsdk.device.audio_lines import record
from soundsdk.device.connection import CommandRejected
from soundsdk.device.messages import Status
from soundsdk.errors import ProtocolError, UsageError
from soundsdk.recording.dataset_files import levels
from soundsdk.recording.mic_faults import examine
from soundsdk.selftest.context import SelfTest, read_before
from soundsdk.selftest.outcome import NotPossible, Observed

_ASKED = 20
_MEDIAN_MS = 100.0
_LONGEST_MS = 1000.0
_RECORDED_S = 4
_OF_SINGLE_BITS = ("channel", "bytes", "shift")  # compressed sound does not show these


def check_hello(test: SelfTest) -> Observed:
    """Ask who is there, and keep it: what the board is to be like afterwards."""
    test.before = read_before(test.device, test.waits.answer_s)
    hello = test.before.hello
    facts = {"firmware": hello.fw, "board": hello.board, "protocol": hello.proto, "rate_hz": hello.rate_hz}
    try:
        board = find_board(hello.board)
        facts |= {"name": board.name, "chip": board.chip, "port": board.port, "way": board.way}
        facts |= {"ram_bytes": board.ram_bytes, "flash_bytes": board.flash_bytes, "psram_bytes": board.psram_bytes}
    except UsageError:
        facts["name"] = "no board file of soundsdk"
    try:
        status = test.device.status(test.waits.answer_s)
        facts |= {"heap_free_bytes": status.heap_free, "lost_before_samples": status.lost}
    except CommandRejected as error:
        says = f"the board is in safe mode: {error.detail} ({error.code})"
        return Observed(False, says, bound="not in safe mode", facts=facts)
    for key in ("trial", "rolled_back", "readonly", "lost_approximate", "broken"):
        if key in hello.extra:
            facts[key] = True if key == "broken" else hello.extra[key]  # a rule is its owner's
    ok = hello.proto == 1 and "broken" not in hello.extra
    says = f"{hello.board}, firmware {hello.fw}" + ("" if ok else "; a rule or on_event.py on it cannot be used")
    return Observed(ok, says, bound="answers, protocol 1, not in safe mode, nothing broken", facts=facts)


def check_detector(test: SelfTest) -> Observed:
    """Compare the hash that the board computed of its detector with the file's."""
    sha256 = test.found().hello.sha256
    if test.detector is None:
        raise NotPossible(f"this computer has no file of the detector with SHA-256 {sha256[:12]}…: name it with -m")
    wanted = hashlib.sha256(test.detector.data).hexdigest()
    says = f"SHA-256 {sha256[:12]}…" + ("" if sha256 == wanted else f", the file has {wanted[:12]}…")
    facts = {"sha256": sha256, "file_sha256": wanted, "file_bytes": len(test.detector.data)}
    return Observed(sha256 == wanted, says, bound="the SHA-256 of the file", facts=facts)


def check_latency(test: SelfTest) -> Observed:
    """Measure the time from a command to its answer."""
    took_ms = []
    for _ in range(_ASKED):
        begin = time.monotonic()
        test.device.request("hello", test.waits.answer_s)
        took_ms.append(1000 * (time.monotonic() - begin))
    median, longest = statistics.median(took_ms), max(took_ms)
    return Observed(
        median <= _MEDIAN_MS and longest <= _LONGEST_MS,
        f"{median:.0f} ms from command to answer, {longest:.0f} ms at most",
        round(median, 1),
        "ms",
        f"median at most {_MEDIAN_MS:g} ms, longest at most {_LONGEST_MS:g} ms",
        {"longest_ms": round(longest, 1), "asked": _ASKED},
    )


def check_bad_lines(test: SelfTest) -> Observed:
    """Send a damaged line and an unknown command: the first is counted, the second refused by name."""
    device = test.device
    before = _status(test).damaged
    line = framing.encode({"type": "reboot"})
    device.transport.write(b"\n" + line[:-3] + bytes([line[-3] ^ 1]) + line[-2:] + b"\n")
    refused = ""
    try:
        device.request("selftest.unknown", test.waits.answer_s)
    except CommandRejected as error:
        refused = error.code
    counted = _status(test).damaged - before
    return Observed(
        counted == 1 and refused == "unsupported",
        f"a line with a wrong CRC was counted {counted} times, an unknown command answered {refused or 'ok'!r}",
        counted,
        "lines",
        "counted once; answered 'unsupported'",
    )


def _status(test: SelfTest) -> Status:
    try:
        return test.device.status(test.waits.answer_s)
    except CommandRejected as error:
        raise NotPossible(f"the board is in safe mode ({error.code})") from error


def collected_heap(test: SelfTest) -> int | None:
    """Return the free heap after a collection; None where the board does not collect, or counts none.

    A push that is refused for its size makes the board count what a model could have, and changes nothing.
    """
    try:
        test.device.request("push.begin", test.waits.answer_s, size=0, sha256="")
    except CommandRejected as error:
        if error.code != "push.size":
            return None
    except ProtocolError:
        return None
    return _status(test).heap_free or None


def check_microphone(test: SelfTest) -> Observed:
    """Record a few seconds and look for every fault of a microphone that sound shows."""
    take = record(test.device, _RECORDED_S, 3 if test.slow else 16)
    if not take.captured:
        return Observed(False, "no sound arrives", bound="sound")
    pcm = np.concatenate([piece.pcm for piece in take.pieces])
    facts = levels(pcm)
    says = f"level {facts['rms_dbfs']} dBFS, peak {facts['peak_dbfs']} dBFS"
    faults = [fault for fault in examine(pcm, take.rate_hz) if not test.slow or fault.name not in _OF_SINGLE_BITS]
    if [fault.name for fault in faults] == ["quiet"]:
        raise NotPossible(f"the room is too quiet to tell ({says}): speak, and run it again")
    facts["faults"] = [fault.name for fault in faults]
    if faults:
        says += "; " + "; ".join(fault.sentence.rstrip(".") for fault in faults)
    return Observed(not faults, says, facts["rms_dbfs"], "dBFS", "no fault of mic-test", facts)
