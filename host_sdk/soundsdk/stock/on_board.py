"""The programs that `install` and `uninstall` run on a board, in MicroPython. Each prints lines of JSON after MARK.

Paths on the board are relative to the folder in which MicroPython starts (/ or /flash). An installation is written into
the folder NEW, checked there, and then renamed into place, one file after the other, main.py last. PLAN holds these
moves: as long as it is there, they can be undone, whatever came between, and removing it is what makes them good. What
an update replaces waits in OLD. RECORD stays on the board and names what was installed, and what of the user's was set
aside for it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

MARK = "soundsdk:"
NEW = "soundsdk.new"
OLD = "soundsdk.old"
PLAN = "soundsdk.plan"
RECORD = "soundsdk.json"
# Bytes of files in one program: as text it is a third longer, and the board's compiler holds it twice.
PIECE_BYTES = 3072

_COMMON = f"""
import gc, json, os, sys
NEW, OLD, PLAN, RECORD = {NEW!r}, {OLD!r}, {PLAN!r}, {RECORD!r}
def tell(**facts):
    print({MARK!r} + json.dumps(facts))
def exists(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False
def read_json(path):
    try:
        with open(path) as f:
            return json.load(f)
    except (OSError, ValueError):
        return None
def read_record():
    # Of no use once somebody has changed it into something else: what is there is the user's then.
    record = read_json(RECORD)
    if not isinstance(record, dict) or not isinstance(record.get("files"), dict):
        return None
    for key in ("state", "aside", "made"):
        if not isinstance(record.get(key), list):
            return None
    return record if isinstance(record.get("fw"), str) else None
def sha256(path):
    import hashlib
    state, piece = hashlib.sha256(), bytearray(1024)
    view = memoryview(piece)
    with open(path, "rb") as f:
        n = f.readinto(piece)
        while n:
            state.update(view[:n])
            n = f.readinto(piece)
    return "".join(["%02x" % byte for byte in state.digest()])
def remove_folder(path):
    if exists(path):
        for name in os.listdir(path):
            os.remove(path + "/" + name)
        os.rmdir(path)
def remove_made(folders):
    for folder in reversed(folders):
        if exists(folder) and not os.listdir(folder):
            os.rmdir(folder)
def undo(moves, made):
    for source, target in reversed(moves):
        if exists(target) and not exists(source):
            os.rename(target, source)
    remove_made(made)
def forget_plan():
    # The plan first: what is left over of the folders means nothing then.
    if exists(PLAN):
        os.remove(PLAN)
    remove_folder(NEW)
    remove_folder(OLD)
def statvfs():
    return os.statvfs(os.getcwd())
def free_blocks(s):
    # littlefs may count blocks of a full file system twice: the number of free ones is then below 0, and wraps around.
    return s[3] if s[3] <= s[2] else 0
def free():
    s = statvfs()
    return s[0] * free_blocks(s)
"""

# By itself and first: the other programs are in the memory that is measured.
_MEASURE = f"""
import gc
gc.collect()
low, free = 0, gc.mem_free()
high = free
while high - low > 256:
    half = (low + high) // 2
    try:
        bytearray(half)
        low = half
    except MemoryError:
        high = half
    gc.collect()
print('{MARK}{{"free": %d, "largest": %d}}' % (free, low))
"""

_INSPECT = """
def psram():
    try:
        import esp32
        return max([0] + [region[0] for region in esp32.idf_heap_info(esp32.HEAP_DATA) if region[0] >= 1 << 20])
    except (ImportError, AttributeError):
        return 0
gc.collect()
implementation = sys.implementation
def imports(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False
hashes = imports("hashlib") and hasattr(__import__("hashlib"), "sha256")
try:
    s = statvfs()
except (OSError, AttributeError):
    s = None
tell(name=implementation[0], version=list(implementation[1])[:3], mpy=getattr(implementation, "_mpy", 0),
     machine=getattr(implementation, "_machine", ""), platform=sys.platform,
     psram=psram(), block=s[0] if s else 0, blocks=s[2] if s else 0,
     free_blocks=free_blocks(s) if s else 0, hashes=hashes, image=imports("soundboard"))
if s:
    record = read_record()
    there = [path for path in set(PATHS).union(record["files"] if record else ()) if exists(path)]
    tell(there=there, record=record, unfinished=exists(NEW) or exists(OLD) or exists(PLAN),
         main=sha256("main.py") if hashes and "main.py" in there else "",
         settings=read_json("settings.json") if record else None)
"""

_RECOVER = """
plan = read_json(PLAN)
if plan:
    undo(plan["moves"], plan["made"])
forget_plan()
record = read_record()
tell(recovered=True, fw=record["fw"] if record else "")
"""

_PREPARE = """
from binascii import a2b_base64
def full(error):
    tell(failed=name, error=error.args[0], free=free())
    raise error
f = None
name = NEW
try:
    if not exists(NEW):
        os.mkdir(NEW)
except OSError as error:
    full(error)
def begin(path):
    global f, name
    name = path
    try:
        if f:
            f.close()
        f = open(path, "wb")
    except OSError as error:
        full(error)
def add(text, done):
    try:
        f.write(a2b_base64(text))
    except OSError as error:
        full(error)
    tell(done=done)
def end():
    try:
        f.close()
        for number, (path, digest) in enumerate(read_json(PLAN)["files"]):
            if sha256(NEW + "/" + str(number)) != digest:
                tell(damaged=path)
                raise ValueError(path)
            tell(checked=number + 1)
    except OSError as error:
        full(error)
gc.collect()
"""

_SWITCH = """
plan = read_json(PLAN)
try:
    if not exists(OLD) and plan["old"]:
        os.mkdir(OLD)
    for folder in plan["made"]:
        if not exists(folder):
            os.mkdir(folder)
    for source, target in plan["moves"]:
        os.rename(source, target)
    if not plan["old"]:
        forget_plan()
    os.sync() if hasattr(os, "sync") else None
except OSError as error:
    tell(failed="switch", error=error.args[0], free=free())
    raise error
tell(switched=True)
"""

_FINISH = """
forget_plan()
tell(finished=True)
"""

_UNINSTALL = """
record = read_record()
if not record:
    tell(installed=False)
else:
    kept = []
    if exists("main.py") and sha256("main.py") != record["files"].get("main.py"):
        kept.append("main.py")
    # The start first: a board that loses power now must not start half of it.
    for path in ["main.py"] + [path for path in record["files"] if path != "main.py"] + record["state"]:
        if exists(path) and path not in kept:
            os.remove(path)
    for path, aside in record["aside"]:
        if exists(aside):
            if exists(path):
                kept.append(aside)
            else:
                os.rename(aside, path)
    remove_made(record["made"])
    os.remove(RECORD)
    tell(installed=True, kept=kept, removed=len(record["files"]) + 1)  # with the record
"""


def inspect(paths: Iterable[str]) -> list[str]:
    """Return the programs that tell what the board is, and which of these paths are there."""
    return [_MEASURE, f"{_COMMON}\nPATHS = {sorted(paths)!r}\n{_INSPECT}"]


def recover() -> str:
    """Return the program that undoes an installation that was begun and not finished."""
    return _COMMON + _RECOVER


def uninstall() -> str:
    """Return the program that takes an installation off the board, by its RECORD."""
    return _COMMON + _UNINSTALL


def finish() -> str:
    """Return the program that ends an update that has been tried: what it replaced goes."""
    return _COMMON + _FINISH


def transfer(files: Sequence[tuple[str, bytes]], plan: dict[str, Any]) -> list[str]:
    """Return the programs, to be run one after the other, that write files into NEW, check them, and switch to them.

    files: path on the board, contents. plan: `files`, (path, SHA-256 in hexadecimal) of each; `moves`, (from, to) in
    their order; `made`, the folders to make; `old`, whether anything goes to OLD.
    """
    programs = [f"{_COMMON}\n{_PREPARE}"]
    named = [(f"{NEW}/{number}", data) for number, (_, data) in enumerate(files)]
    named.append((PLAN, json.dumps(plan).encode("ascii")))
    lines: list[str] = []
    room, done = PIECE_BYTES, 0
    for name, data in named:
        lines.append(f"begin({name!r})")
        at = 0
        while at < len(data):
            piece = data[at : at + room]
            at, room, done = at + len(piece), room - len(piece), done + len(piece)
            lines.append(f"add('{base64.b64encode(piece).decode()}', {done})")
            if not room:
                programs.append("\n".join(lines))
                lines, room = [], PIECE_BYTES
    lines.append("end()")
    return [*programs, "\n".join(lines), _SWITCH]


def total_bytes(files: Sequence[tuple[str, bytes]], plan: dict[str, Any]) -> int:
    """Return the bytes that the programs of transfer() write, as their `done` counts them."""
    return sum(len(data) for _, data in files) + len(json.dumps(plan))
