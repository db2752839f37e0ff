"""The minute in which a board only listens, and the checks of what it showed: losses, rate, time of a step, heap."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from soundsdk.device.messages import Ack, Event, Scores, Status
from soundsdk.device.protocol import DeviceReset, LinesLost
from soundsdk.errors import ProtocolError
from soundsdk.labels import counted
from soundsdk.selftest.answers import collected_heap
from soundsdk.selftest.context import SelfTest
from soundsdk.selftest.outcome import NotPossible, Observed
from soundsdk.selftest.records import Heard

# A board's crystal and a computer's are within 100 ppm each, the divider of a microphone's clock within 100 more.
RATE_PPM = 500.0
HEAP_BYTES = 2048  # what a first command of its kind may load
TARGET_MS = 20.0
_WATCH_EVERY_S = 4.0  # the board forgets it after 10 s of sound
_SPAN_S, _SPANS = 1.0, 20  # of steps of which the promptest counts: at least so long, at most so many


def check_listening(test: SelfTest) -> Observed:
    """Listen to the board, which sends the scores of every step meanwhile."""
    device, rate_hz = test.device, test.found().hello.rate_hz
    if not rate_hz:
        raise NotPossible("the board is in safe mode and does not listen")
    heap_before = collected_heap(test)
    watch = device.request("watch", test.waits.answer_s, tries=3, on=True, mel=False)
    step = watch.extra.get("step") if isinstance(watch, Ack) else None
    if not isinstance(step, int) or step < 1:
        raise ProtocolError("the board does not say how long its step is.", "Flash newer firmware.")
    device.read_all(0)
    before = device.status(test.waits.answer_s)
    heard = Heard(before, before, step_samples=step, heap_before=heap_before)
    damaged = device.counts.damaged
    begin = last = renewed = time.monotonic()
    silence_s = _WATCH_EVERY_S + test.waits.answer_s  # the request, or one before it, may be lost
    said = 0
    while (now := time.monotonic()) < begin + test.seconds:
        if now - renewed > _WATCH_EVERY_S:
            device.send("watch", on=True, mel=False)
            renewed = now
        item = device.read(0.2)
        now = time.monotonic()
        if isinstance(item, Scores):
            heard.arrivals.append((now, item.time_samples))
            heard.levels_dbfs.append(item.level_dbfs)
        elif isinstance(item, Event):
            heard.events.append(item)
        elif isinstance(item, Status):
            heard.step_us = max(heard.step_us, item.step_us)
        elif isinstance(item, LinesLost):
            heard.lines_lost += item.count
        elif isinstance(item, DeviceReset):
            heard.restarts += 1
            renewed = 0.0  # it has forgotten the request
        if item is not None:
            last = now
        if now - last > silence_s:
            raise ProtocolError(f"the board has sent nothing for {silence_s:g} s.", "Reset it.")
        if int(now - begin) // 10 > said:
            said = int(now - begin) // 10
            test.say(f"  listening: {10 * said} of {test.seconds} s")
    heard.after = device.status(test.waits.answer_s)
    heard.step_us = max(heard.step_us, heard.after.step_us)
    heard.damaged = device.counts.damaged - damaged
    device.request("watch", test.waits.answer_s, tries=3, on=False, mel=False)
    heard.heap_after = collected_heap(test)
    test.heard = heard
    facts = {"samples": heard.samples, "steps": len(heard.arrivals), "events": len(heard.events)}
    facts |= {"restarts": heard.restarts}
    steps = (test.seconds * rate_hz) / step
    came = counted(len(heard.arrivals), "step")
    says = f"{test.seconds} s, {came} of {step} samples, {counted(len(heard.events), 'event')}"
    if heard.restarts:
        says += f"; the board restarted {counted(heard.restarts, 'time')}"
    ok = not heard.restarts and len(heard.arrivals) >= 0.8 * steps - 2
    return Observed(ok, says, len(heard.arrivals), "steps", "scores of at least 80 % of the steps, no restart", facts)


def _heard(test: SelfTest) -> Heard:
    if test.heard is None:
        raise NotPossible("it did not listen to the end")
    if test.heard.restarts:
        raise NotPossible("the board restarted while it listened")
    return test.heard


def check_losses(test: SelfTest) -> Observed:
    """Check that the board lost no sample while it listened."""
    heard = _heard(test)
    lost = heard.after.lost - heard.before.lost
    about = bool(test.found().hello.extra.get("lost_approximate"))
    says = f"{counted(lost, 'sample')} lost of {heard.samples}" + (", by the clock" if about else "")
    if about:
        # Derived from a clock that drifts by some 100 ppm.
        most = round(heard.samples * RATE_PPM / 1e6) + heard.step_samples
        return Observed(lost <= most, says, lost, "samples", f"at most {most}: derived from the clock")
    return Observed(lost == 0, says, lost, "samples", "0")


def check_lines(test: SelfTest) -> Observed:
    """Check that every line arrived, in both directions."""
    heard = _heard(test)
    dropped = heard.after.dropped - heard.before.dropped
    refused = heard.after.damaged - heard.before.damaged
    says = f"{dropped} not sent by the board, {heard.lines_lost} not arrived"
    says += f", {heard.damaged} damaged here, {refused} there"
    total = dropped + heard.lines_lost + heard.damaged + refused
    return Observed(total == 0, says, total, "lines", "0")


def rate_error(arrivals: Sequence[tuple[float, int]], rate_hz: int) -> tuple[float, float]:
    """Return (error of the board's sample rate, its uncertainty), both in ppm, by this computer's clock.

    A line can come late but never early: of each span of time only the least late one counts. Three standard errors.
    """
    times = np.array([at for at, _ in arrivals])
    late = times - np.array([samples for _, samples in arrivals]) / rate_hz
    span_s = max(_SPAN_S, (times[-1] - times[0]) / _SPANS)
    spans = ((times - times[0]) / span_s).astype(int)
    best = [min(np.flatnonzero(spans == span), key=lambda i: late[i]) for span in np.unique(spans)]
    if len(best) < 4:
        raise NotPossible("too few steps came to measure the rate")
    x, y = times[best] - times[best].mean(), late[best]
    slope = float((x * (y - y.mean())).sum() / (x * x).sum())
    rest = y - y.mean() - slope * x
    error = float(np.sqrt((rest * rest).sum() / (len(best) - 2) / (x * x).sum()))
    # A step seems later and later where the board's samples are slower than they should be.
    return -1e6 * slope, 3e6 * error


def check_rate(test: SelfTest) -> Observed:
    """Compare the microphone's sample rate with this computer's clock."""
    heard, rate_hz = _heard(test), test.found().hello.rate_hz
    if len(heard.arrivals) < 4:
        raise NotPossible("too few steps came to measure the rate")
    ppm, uncertain = rate_error(heard.arrivals, rate_hz)
    if uncertain > RATE_PPM * 4 and abs(ppm) <= RATE_PPM + uncertain:
        raise NotPossible(f"lines arrive too unevenly here: the rate is known to {uncertain:.0f} ppm only")
    return Observed(
        abs(ppm) <= RATE_PPM + uncertain,
        f"{rate_hz} Hz is off by {ppm:+.0f} ppm (known to {uncertain:.0f} ppm)",
        round(ppm, 1),
        "ppm",
        f"within {RATE_PPM:g} ppm of this computer's clock, and what the measurement leaves open",
        {"uncertainty_ppm": round(uncertain, 1)},
    )


def check_compute(test: SelfTest) -> Observed:
    """Compare the longest step with the sound that it is about."""
    heard, rate_hz = _heard(test), test.found().hello.rate_hz
    if not heard.step_us:
        raise NotPossible("the board has no clock to measure a step with")
    step_ms, hop_ms = heard.step_us / 1000, 1000 * heard.step_samples / rate_hz
    share = step_ms / hop_ms
    return Observed(
        step_ms < hop_ms,
        f"{step_ms:.1f} ms at most for {hop_ms:g} ms of sound ({share:.2f} of real time)",
        round(step_ms, 2),
        "ms",
        f"less than the step's {hop_ms:g} ms; the aim is {TARGET_MS:g} ms",
        {"share_of_real_time": round(share, 3), "reaches_aim": step_ms < TARGET_MS},
    )


def check_heap(test: SelfTest) -> Observed:
    """Compare the free heap after a collection before and after it listened."""
    heard = _heard(test)
    if heard.heap_before is None or heard.heap_after is None:
        raise NotPossible("the board does not count its heap")
    fell = heard.heap_before - heard.heap_after
    says = f"{heard.heap_after} bytes free, {max(0, fell)} less than before"
    return Observed(fell <= HEAP_BYTES, says, fell, "bytes", f"at most {HEAP_BYTES} less", {"free": heard.heap_after})
