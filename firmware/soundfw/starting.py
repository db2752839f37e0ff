"""The start of the application: it opens the model. main.App runs it once and lets it go again.

Everything is imported where it is used: a model needs one large piece, and finds the memory as empty as can be.
"""

import gc
import json

from . import FirmwareError, platform
from .storage import model_memory


def open_stream(data):
    """Open a soundcore.Stream over a model's bytes; FirmwareError with soundcore's code if it is refused."""
    import soundcore

    try:
        return soundcore.Stream(data)
    except soundcore.Error as e:
        raise FirmwareError(e.args[0], e.args[1])


def open_model(app, data):
    """Return (stream, detector, name, rate_hz) of a model; FirmwareError or MemoryError if it cannot be run."""
    # The arena is one large piece, and what has been loaded so far but is not needed any more lies around it.
    app.put_away()
    model_memory.release()
    gc.collect()
    stream = (app.open_stream or open_stream)(data)
    model_memory.keep_ring()
    from .detect.core_detector import open_detector

    metadata = json.loads(bytes(stream.metadata))
    detector = open_detector(stream, metadata)
    if platform.forget is not None:
        platform.forget("limits", "detect.thresholds")
        model_memory.keep_blocks()
    name = metadata.get("name")
    if not isinstance(name, str) or not 0 < len(name.encode()) <= 64:
        raise FirmwareError("meta.name", "the model's name must be a text of 1..64 bytes")
    return stream, detector, name, metadata["frontend"]["rate_hz"]


def opened(app):
    """Open the model of an App; return ((stream, detector, name, rate_hz), sha256, has_thresholds, has_hook).

    The last two: whether there may be thresholds that a host has saved, and an on_event.py. FirmwareError or
    MemoryError if there is no model that can be run.
    """
    if app.settings.clock_mhz:
        platform.set_clock(app.settings.clock_mhz)
    has_thresholds, has_hook = _own_files(app)
    model, sha256 = _open_any(app)
    return model, sha256, has_thresholds, has_hook


def _own_files(app):
    """Return whether there may be thresholds that a host has saved, and an on_event.py."""
    if not app.slots:
        return False, False
    from .storage import files

    folder = app.settings.folder
    saved = not platform.RENAMES_WHOLE or files.size(files.join(folder, "set.json")) >= 0
    return saved, files.size(files.join(folder, "on_event.py")) >= 0


def _load(app):
    """Return (bytes, sha256) of the pushed model, else of the one given, else of settings.model."""
    pushed = app.slots.load() if app.slots else None
    if pushed is not None:
        return pushed
    from .storage import files, store

    data = app.model
    if data is None:
        return store.load_hashed(files.join(app.settings.folder, app.settings.model))
    return data, store.sha256(data)


def _open_any(app):
    """Open the first model that can be run; return open_model's result and the model's hash."""
    if app.slots:
        app.slots.begin()
    while True:
        try:
            data, sha256 = _load(app)
            opened = app.open_model(data)
            app.held_bytes = opened[0].arena_size + model_memory.held_bytes(data)
            return opened, sha256
        except FirmwareError as e:
            if not app.slots or not app.slots.fall_back(e.args[0]):
                raise
        except MemoryError:
            trial = app.slots and app.slots.on_trial
            if not app.slots or not app.slots.fall_back("start.memory"):
                raise
            if trial:
                # The heap is in pieces now, perhaps too small for the old model: a restart gives it a whole one.
                app.request = "restart"
        data = None
        gc.collect()
