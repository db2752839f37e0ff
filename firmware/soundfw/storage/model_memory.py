"""Memory for a model from a file, taken at the start, before other modules leave no piece that is large enough.

Where soundfw lies in the image, and the detector with it, nothing has to be reserved.
"""

from . import files

_room = None  # bytearray: of the size of the model that will run
_view = None  # the part of it that holds a smaller model


def reserve(settings="settings.json"):
    """Take the memory of the model that the next start will run: the one on trial, the pushed one or the installed."""
    global _room
    values = files.read_json(settings)
    folder = values.get("folder", "")
    state = files.read_json(files.join(folder, "slots.json"))
    slot = state.get("trial") if not state.get("tried") else ""
    slot = slot or state.get("active")
    name = "slot_" + slot + ".tflite" if slot in ("a", "b") else values.get("model", "detector.tflite")
    size = files.size(files.join(folder, name))
    _room = bytearray(size) if size > 0 else None


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
