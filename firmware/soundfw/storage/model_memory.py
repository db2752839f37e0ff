"""Memory for a model from a file, taken at the start, before other modules leave no piece that is large enough.

Where soundfw lies in the image, and the detector with it, nothing has to be reserved.
"""

import gc
import sys

from ..platform import const, heap_free
from . import files

_OTHERS = const(81920)  # what soundfw's other modules take of the heap, with what is left over of loading them
_SPARE = const(65536)  # the most that a start needs in large pieces: the model's arena, a microphone's ring
_WORD = 8 if sys.maxsize >> 32 else 4  # bytes of an item of a list

_room = None  # bytearray: of the size of the model that will run
_view = None  # the part of it that holds a smaller model
_spare = []  # keeps one large piece together until release()
_RING = const(36864)  # the largest ring of a microphone, and what opening one allocates before it


def reserve(settings="settings.json"):
    """Take the memory of the model that this start will run (on trial, pushed or installed), and keep a piece whole."""
    global _room, _spare
    values = files.read_json(settings)
    folder = values.get("folder", "")
    state = files.read_json(files.join(folder, "slots.json"))
    slot = state.get("trial") if not state.get("tried") else ""
    slot = slot or state.get("active")
    name = "slot_" + slot + ".tflite" if slot in ("a", "b") else values.get("model", "detector.tflite")
    size = files.size(files.join(folder, name))
    _room = bytearray(size) if size > 0 else None
    gc.collect()
    spare = max(0, min(heap_free() - _OTHERS, _SPARE))
    try:
        _spare = [None] * (spare // _WORD)
    except MemoryError:
        _spare = []


def release():
    """Give back the piece that was kept whole: what needs large pieces is loaded next."""
    # At once, and surely: the collector keeps whatever any word left on the stack happens to point at, which for a
    # bytearray that nothing else refers to was all of it.
    _spare.clear()


def keep_ring():
    """Keep a piece whole for a microphone's ring until release(), where a model came from a file: call with its arena.

    What a start allocates in between would lie in the middle of what is left.
    """
    global _spare
    if _room is None or _spare:
        return
    gc.collect()
    if heap_free() < 2 * _RING:
        return  # what else a start loads needs it
    try:
        _spare = [None] * (_RING // _WORD)
    except MemoryError:
        _spare = []


def read(path):
    """Return the bytes of a file: in the memory that was reserved if they fit there, else in a block of their own."""
    global _room, _view
    size = files.size(path)
    if _room is None or not 0 < size <= len(_room):
        _room = _view = None
        return files.read(path)
    _view = _room if size == len(_room) else memoryview(_room)[:size]
    with open(path, "rb") as f:
        n = f.readinto(_view)
    return _view if n == size else _view[:n]


def held_bytes(data):
    """Return the heap that a model's bytes take: 0 for those of an image, which stay in flash."""
    if _view is not None and data is _view:
        return len(_room)
    return len(data) if isinstance(data, bytearray) else 0
