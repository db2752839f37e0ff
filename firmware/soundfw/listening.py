"""The second half of a start: thresholds, rules, the user's function, and last the microphone. It is let go as well."""

import gc

from . import FirmwareError
from .mic import microphone
from .pipeline import Pipeline
from .platform import heap_free
from .storage import model_memory
from .storage.boot_counter import start_is_over


def run(app, model, sha256, has_thresholds, has_hook):
    """Open the microphone of an App, whose `pipeline` is then its loop. The arguments: what starting.opened() returns.

    FirmwareError or MemoryError if it cannot be.
    """
    stream, detector, name, rate_hz = model
    if has_thresholds:
        from .storage import saved_thresholds

        try:
            saved_thresholds.apply(app.settings.folder, sha256, detector)
        except FirmwareError as e:
            app.saved_error = e.args
    if app.has_actions:
        app.actions.start(detector.labels, rate_hz)
    if app.hook and has_hook:
        _load_hook(app, stream.step_samples, detector.labels, rate_hz)
    settings = app.settings
    block_samples = min(settings.block_samples, stream.step_samples)
    if heap_free():
        # MicroPython takes a large function's frame from the heap, at each call, and looks for room from the first
        # gap on: with the start's garbage still there, that took 2 ms of every 128.
        gc.collect()
    # Last: sound comes in from here on, and any delay before the first read would lose some.
    source = app.open_source(rate_hz) if app.open_source is not None else _own_source(app, rate_hz)
    app.leave_start()
    mic = microphone.Mic(source, block_samples)
    app.name = name
    app.sha256 = sha256
    app.rate_hz = rate_hz
    actions = app.actions if app.has_actions else None
    app.pipeline = Pipeline(mic, stream, detector, app.link, rate_hz, settings.status_s, app.stopwatch, None, actions)


def _own_source(app, rate_hz):
    """Open the microphone of this board."""
    # Flash must not be written while sound comes in: that stops the interrupts that carry it.
    start_is_over()
    return microphone.open_source(app.settings.mic, rate_hz, ready=model_memory.release)


def _load_hook(app, step_samples, labels, rate_hz):
    """Load the user's on_event.py; what is wrong with it is reported and stops nothing."""
    from .act import user_hook
    from .act.actions import WaitingEvents
    from .health import stopwatch

    try:
        function = user_hook.load(app.settings.folder)
    except FirmwareError as e:
        app.hook_error = e.args[1]
        return
    if not app.has_actions:
        app.actions.start(labels, rate_hz)
    app.actions.events = WaitingEvents()
    app.actions.hook = user_hook.UserHook(function, stopwatch(), step_samples * 1000000 // rate_hz)
