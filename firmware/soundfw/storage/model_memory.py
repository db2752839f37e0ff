"""Memory for a model from a file, taken at the start, before other modules leave no piece that is large enough.

Where soundfw lies in the image, and the detector with it, nothing has to be reserved.
"""

import gc
import sys

from .. import storage
from ..platform import const, heap_free

_OTHERS = const(26624)  # what is loaded until release(), with what is left over of loading it
_ACTIONS = const(8192)  # the same of rules and an LED
_STEP = const(256)
_TIGHT = const(65536)
_OFTEN = const(2048)  # bytes that may be allocated until garbage is collected
_SPARE = const(65536)  # the most that a start needs in large pieces: the model's arena, a microphone's ring
_WORD = 8 if sys.maxsize >> 32 else 4  # bytes of an item of a list

_view = None  # the part of it that holds a smaller model
_BLOCKS = const(2560)  # of sound, on a board whose driver has the ring
_RING = const(36864)  # the largest ring of a microphone, and what opening one allocates before it


def reserve(settings="settings.json"):
    """Take the memory of the model that this start will run (on trial, pushed or installed), and keep a piece whole.

    Garbage is collected often meanwhile; where little is left, until the start is over.
    """
    # What stays of loading files would lie all over the memory, among what is left over.
    if heap_free() and storage.threshold is None:  # heap_free() is 0 on CPython
        storage.threshold = gc.threshold()
        gc.threshold(_OFTEN)
    from . import files

    storage.spare = []
    values = files.read_json(settings)
    folder = values.get("folder", "")
    state = files.read_json(files.join(folder, "slots.json"))
    slot = state.get("trial") if not state.get("tried") else ""
    slot = slot or state.get("active")
    name = "slot_" + slot + ".tflite" if slot in ("a", "b") else values.get("model", "detector.tflite")
    size = files.size(files.join(folder, name))
    storage.room = bytearray(size) if size > 0 else None
    gc.collect()
    if storage.threshold is not None and heap_free() >= _TIGHT:
        gc.threshold(storage.threshold)
        storage.threshold = None
    spare = heap_free() - _OTHERS
    if values.get("led") or values.get("actions"):
        spare -= _ACTIONS
    spare = min(spare, _SPARE)
    # A heap may be in two areas, of which none has so much.
    while spare > 0:
        try:
            storage.spare = [None] * (spare // _WORD)
            return
        except MemoryError:
            spare -= _STEP


def release():
    """Give back the piece that was kept whole: what needs large pieces is loaded next."""
    # At once, and surely: the collector keeps whatever any word left on the stack happens to point at, which for a
    # bytearray that nothing else refers to was all of it.
    storage.spare.clear()


def keep_ring():
    """Keep a piece whole for a microphone's ring until release(), where a model came from a file: call with its arena.

    What a start allocates in between would lie in the middle of what is left.
    """
    if storage.room is None or storage.spare:
        return
    gc.collect()
    if heap_free() < 2 * _RING:
        return  # what else a start loads needs it
    try:
        storage.spare = [None] * (_RING // _WORD)
    except MemoryError:
        storage.spare = []


def keep_blocks():
    """Keep a small piece whole until release(), on a board that has no memory for a ring: call with its detector."""
    if storage.room is None or storage.spare or heap_free() >= _RING:
        return
    try:
        storage.spare = [None] * (_BLOCKS // _WORD)
    except MemoryError:
        storage.spare = []


def read(path):
    """Return the bytes of a file: in the memory that was reserved if they fit there, else in a block of their own."""
    global _view
    from . import files

    size = files.size(path)
    room = storage.room
    if room is None or not 0 < size <= len(room):
        storage.room = _view = None
        release()
        return files.read(path)
    _view = room if size == len(room) else memoryview(room)[:size]
    with open(path, "rb") as f:
        n = f.readinto(_view)
    return _view if n == size else _view[:n]


def held_bytes(data):
    """Return the heap that a model's bytes take: 0 for those of an image, which stay in flash."""
    if _view is not None and data is _view:
        return len(storage.room)
    return len(data) if isinstance(data, bytearray) else 0
