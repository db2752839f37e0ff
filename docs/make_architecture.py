"""Draw docs/architecture.svg: the packages, their imports and the way of a sound, all read from the tree.

    python docs/make_architecture.py [--check]      --check: exit with 1 if the file is not what would be drawn

A floor is a package, and imports go down the stairs on its right. A room is a folder of the package; its loose files
are gathered by whether a folder imports them. In a floor imports go from left to right; those that a chain of others
implies are not drawn. soundcore's rooms come from its #include lines.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"
CORE = ROOT / "firmware" / "cmodules" / "soundcore"
# From the top floor down: package, what it is.
FLOORS = {
    "soundsdk_train": "training: recordings to detector",
    "soundsdk_sim": "simulator: the firmware here, and on emulated chips",
    "soundsdk": "host: the command, the library",
    "soundfw": "firmware: MicroPython and CPython, unchanged",
    "soundcore": "C core: frontend, INT8 engine, stream",
}
_GLUE = ("bindings", "modsoundcore", "hot")  # how Python and compilers reach soundcore: no part of it

WIDTH, LEFT, RIGHT, STAIRS = 1420, 156, 156, 118
HEAD, ROOM, GAP, PAD, LANE, LINE = 34, 52, 12, 14, 10, 13
CHARACTER = 5.7  # the mean width of one in a room's list

LEGEND = (
    "Rooms are folders, or loose files. Grey arrows and the stairs on the right are imports; what a chain of arrows"
    " implies is left out. Orange is the way of a sound."
)
STYLE = """
:root { --paper: #ffffff; --wall: #d0d7de; --floor: #f6f8fa; --room: #ffffff; --ink: #1f2328; --soft: #59636e;
  --arrow: #8c959f; --flow: #bc4c00; --c0: #8250df; --c1: #0969da; --c2: #1a7f37; --c3: #9a6700; --c4: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --wall: #3d444d; --floor: #151b23; --room: #212830;
  --ink: #f0f6fc; --soft: #9198a1; --arrow: #6e7681; --flow: #f0883e; --c0: #ab7df8; --c1: #4493f8; --c2: #3fb950;
  --c3: #d29922; --c4: #f85149; } }
text { font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; fill: var(--ink); }
.name { font-size: 15px; font-weight: 600; } .what { font-size: 12.5px; fill: var(--soft); }
.room { font-size: 13px; font-weight: 600; } .list { font-size: 10.5px; fill: var(--soft); }
.flow { font-size: 13px; font-weight: 600; fill: var(--flow); } .side { font-size: 11px; fill: var(--soft); }
.import { fill: none; stroke: var(--arrow); stroke-width: 1.3; marker-end: url(#tip); }
.way { fill: none; stroke: var(--flow); stroke-width: 2.6; stroke-linejoin: round; marker-end: url(#way); }
"""


@dataclass
class Room:
    """A folder of a package, or its loose files. column: 0 imports, the highest is only imported."""

    name: str
    files: list[str]
    imports: set[str] = field(default_factory=set)
    column: int = 0
    x: float = 0
    y: float = 0
    width: float = 0


@dataclass
class Floor:
    """A package: its rooms, and the packages below that it imports."""

    name: str
    rooms: list[Room]
    below: list[str] = field(default_factory=list)
    y: float = 0
    height: float = 0


def read() -> list[Floor]:
    """Return the floors from the top down, rooms in their columns."""
    graph = grimp.build_graph(*list(FLOORS)[:-1], include_external_packages=True, cache_dir=None)
    floors = []
    for package in list(FLOORS)[:-1]:
        parts: dict[str, set[str]] = {}  # of each folder or loose file: what it imports, in full
        folders = {child for child in graph.find_children(package) if graph.find_children(child)}
        for module in sorted(graph.find_descendants(package)):
            part = module.split(".")[1]
            if not part.startswith("_"):
                parts.setdefault(part, set()).update(graph.find_modules_directly_imported_by(module))
        names = {name.split(".")[1] for name in folders if not name.split(".")[1].startswith("_")}
        inside = {
            part: [m.split(".")[1] for m in imported if m.startswith(package + ".") and m.split(".")[1] in parts]
            for part, imported in parts.items()
        }
        contents = {
            name: sorted(
                child.rsplit(".", 1)[1]
                for child in graph.find_children(f"{package}.{name}")
                if not child.rsplit(".", 1)[1].startswith("_")
            )
            for name in names
        }
        below = {m.split(".")[0] for imported in parts.values() for m in imported} - {package}
        floors.append(Floor(package, _rooms(inside, contents), [name for name in FLOORS if name in below]))
    floors.append(Floor("soundcore", _core_rooms()))
    return floors


def _core_rooms() -> list[Room]:
    files = sorted(path for path in CORE.rglob("*") if path.suffix in (".c", ".h", ".cc"))
    inside: dict[str, list[str]] = {}
    contents: dict[str, list[str]] = {}
    owner = {path.name: _part(path) for path in files}
    for path in files:
        part = _part(path)
        if part in _GLUE:
            continue
        if path.parent != CORE and path.stem not in contents.setdefault(part, []):
            contents[part].append(path.stem)
        included = re.findall(r'#include "(?:[^"]*/)?([^"/]+)"', path.read_text())
        inside.setdefault(part, []).extend(owner[name] for name in included if owner.get(name) not in (None, *_GLUE))
    return _rooms(inside, contents)


def _part(path: Path) -> str:
    """Return the folder of a source of soundcore, or the stem of a loose one."""
    return path.relative_to(CORE).parts[0] if path.parent != CORE else path.stem


def _rooms(inside: dict[str, list[str]], contents: dict[str, list[str]]) -> list[Room]:
    """Gather loose files in two rooms, those that a folder uses and the others, and find each room's column."""
    used = {part for name in contents for part in inside[name]} - contents.keys()
    while more := {part for name in used for part in inside[name]} - contents.keys() - used:
        used |= more
    loose = [sorted(group) for group in (inside.keys() - contents.keys() - used, used) if group]
    home = {part: part if part in contents else next(g[0] for g in loose if part in g) for part in inside}
    rooms = [Room(name + "/", files) for name, files in sorted(contents.items())]
    rooms += [Room(group[0], group) for group in loose]
    by_name = {room.name.rstrip("/"): room for room in rooms}
    weight = Counter((home[part], home[other]) for part, imported in inside.items() for other in imported)
    for (name, other), count in weight.items():
        # Files of two rooms may use each other's without a circle of files: the arrow shows the way of most.
        if name != other and count > weight.get((other, name), 0):
            by_name[name].imports.add(other)
    for _ in rooms:
        for room in rooms:
            for name in room.imports:
                by_name[name].column = max(by_name[name].column, room.column + 1)
    if any(room.column >= len(rooms) for room in rooms):
        sys.exit(f"the rooms {', '.join(by_name)} import each other in a circle: no picture")
    _reduce(by_name)
    return sorted(rooms, key=lambda room: (room.column, room.name))


def _reduce(rooms: dict[str, Room]) -> None:
    """Take away the imports that a chain of others implies."""

    def reach(name: str) -> set[str]:
        return {name}.union(*(reach(other) for other in rooms[name].imports))

    for room in rooms.values():
        implied = {far for near in room.imports for other in rooms[near].imports for far in reach(other)}
        room.imports -= implied


def place(floors: list[Floor]) -> float:
    """Give every floor and room its position, and return the height of the picture."""
    y = 24.0
    width = WIDTH - LEFT - RIGHT - STAIRS - 2 * PAD
    for floor in floors:
        columns = [[room for room in floor.rooms if room.column == c] for c in range(1 + floor.rooms[-1].column)]
        rows = max(len(column) for column in columns)
        floor.y, floor.height = y, HEAD + rows * (ROOM + GAP) - GAP + PAD + LANE * len(_far(floor))
        # Each column is wide enough for its longest word; a long list gets more of what is left.
        least = [max(_least(room) for room in column) for column in columns]
        wish = [min(3.0, max(len(" ".join(room.files)) for room in column) / 44) for column in columns]
        gap = 34 if len(columns) < 6 else 24
        rest = width - gap * (len(columns) - 1) - sum(least)
        widths = [low + rest * share / sum(wish) for low, share in zip(least, wish, strict=True)]
        x = float(LEFT + PAD)
        for column, wide in zip(columns, widths, strict=True):
            top = y + HEAD + (rows - len(column)) * (ROOM + GAP) / 2
            for i, room in enumerate(column):
                room.x, room.y, room.width = x, top + i * (ROOM + GAP), wide
            x += wide + gap
        y += floor.height + 18
    return y + 22


def _least(room: Room) -> float:
    title = 8.6 * len(room.name) if room.name.endswith("/") else 0.0
    return 22 + max(title, *(CHARACTER * (2 + len(name)) for name in room.files))


def _text(x: float, y: float, style: str, text: str, anchor: str = "start") -> str:
    end = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{style}"{end}>{escape(text)}</text>'


def _wrap(files: list[str], width: float, most: int) -> list[str]:
    """Return lines of names that fit into the width, `most` at most; the rest is an ellipsis."""
    room = int(width / CHARACTER)
    lines = [""]
    for i, name in enumerate(files):
        word = name if i == len(files) - 1 else name + ","
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) <= room - (2 if len(lines) == most and i < len(files) - 1 else 0):
            lines[-1] = joined
        elif len(lines) < most:
            lines.append(word)
        else:
            lines[-1] = lines[-1].rstrip(",") + " …"
            break
    return lines


def _draw_room(room: Room, colour: int) -> list[str]:
    folder = room.name.endswith("/")
    lines = _wrap(room.files, room.width - 20, 2 if folder else 3)
    top = room.y + (17 + LINE + 2 if folder else (ROOM - LINE * len(lines)) / 2 + 10)
    parts = [
        f'<rect x="{room.x:.0f}" y="{room.y:.0f}" width="{room.width:.0f}" height="{ROOM}" rx="6" fill="var(--room)"'
        f' stroke="var(--c{colour})" stroke-opacity="{0.75 if folder else 0.35}"/>'
    ]
    if folder:
        parts.append(_text(room.x + 10, room.y + 17, "room", room.name))
    return parts + [_text(room.x + 10, top + i * LINE, "list", line) for i, line in enumerate(lines)]


def _far(floor: Floor) -> list[tuple[Room, Room]]:
    """Return the imports that pass a column: they go through lanes below the rooms."""
    by_name = {room.name.rstrip("/"): room for room in floor.rooms}
    pairs = [(room, by_name[name]) for room in floor.rooms for name in sorted(room.imports)]
    return [(room, other) for room, other in pairs if other.column > room.column + 1]


def _draw_imports(floor: Floor) -> list[str]:
    by_name = {room.name.rstrip("/"): room for room in floor.rooms}
    parts = []
    for room in floor.rooms:
        for other in (by_name[name] for name in sorted(room.imports)):
            if other.column == room.column + 1:
                x1, y1, x2, y2 = room.x + room.width, room.y + ROOM / 2, other.x - 3, other.y + ROOM / 2
                bend = (x1 + x2) / 2
                curve = f"M{x1:.0f} {y1:.0f}C{bend:.0f} {y1:.0f} {bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
                parts.append(f'<path class="import" d="{curve}"/>')
    for i, (room, other) in enumerate(_far(floor)):
        x1, y1, x2, y2 = room.x + room.width, room.y + ROOM - 14, other.x + other.width / 2, other.y + ROOM + 3
        x2 += 12 * (i - (len(_far(floor)) - 1) / 2)
        lane = floor.y + floor.height - PAD - LANE * i
        path = f"M{x1:.0f} {y1:.0f}h9q6 0 6 6V{lane - 6:.0f}q0 6 6 6H{x2 - 6:.0f}q6 0 6 -6V{y2:.0f}"
        parts.append(f'<path class="import" d="{path}"/>')
    return parts


def _draw_stairs(floors: list[Floor]) -> list[str]:
    by_name = {floor.name: floor for floor in floors}
    flights = [(i, floor, by_name[name]) for i, floor in enumerate(floors) for name in floor.below]
    step = (STAIRS - 24) / max(1, len(flights) - 1)
    parts = []
    for n, (i, floor, other) in enumerate(flights):
        x = WIDTH - RIGHT - STAIRS + 10 + n * step
        y1, y2 = floor.y + floor.height - 12, other.y + 18
        parts.append(f'<circle cx="{x:.0f}" cy="{y1:.0f}" r="3.2" fill="var(--c{i})"/>')
        parts.append(f'<path d="M{x:.0f} {y1:.0f}V{y2:.0f}" stroke="var(--c{i})" stroke-width="1.8"/>')
        parts.append(f'<path d="M{x - 4:.0f} {y2 - 2:.0f}h8l-4 7z" fill="var(--c{i})"/>')
    return parts


def _draw_way(floors: list[Floor]) -> list[str]:
    """Draw the way of a sound, beside the house: recordings, detector, board, line, host."""
    train, _, host, fw, core = floors
    inner, outer = LEFT - 2, WIDTH - RIGHT + 2
    train_y, host_y, fw_y = (floor.y + floor.height / 2 for floor in (train, host, fw))
    core_y = (fw.y + fw.height + core.y) / 2  # firmware and core are one image
    up, down = inner - 40, outer + 36
    middle, half = (train_y + core_y) / 2, (fw_y + host_y) / 2
    return [
        f'<path class="way" d="M22 {train_y:.0f}H{inner - 6:.0f}"/>',
        _text(22, train_y - 10, "flow", "recordings"),
        _text(22, train_y + 18, "side", "one folder per sound"),
        f'<path class="way" d="M{outer:.0f} {train_y:.0f}H{down:.0f}V{core_y:.0f}H{outer + 6:.0f}"/>',
        _text(down + 10, middle - 12, "flow", "detector"),
        _text(down + 10, middle + 4, "flow", ".tflite"),
        _text(down + 10, middle + 21, "side", "weights, labels,"),
        _text(down + 10, middle + 35, "side", "thresholds"),
        f'<path class="way" d="M22 {fw_y + 24:.0f}H{inner - 6:.0f}"/>',
        _text(22, fw_y + 14, "flow", "sound"),
        _text(22, fw_y + 42, "side", "from a microphone"),
        f'<path class="way" d="M{inner:.0f} {fw_y - 16:.0f}H{up:.0f}V{host_y + 16:.0f}H{inner - 6:.0f}"/>',
        _text(up - 10, half - 2, "flow", "serial line", "end"),
        _text(up - 10, half + 14, "side", "JSON with CRC", "end"),
        f'<path class="way" d="M{inner:.0f} {host_y - 16:.0f}H28"/>',
        _text(22, host_y - 26, "flow", "events"),
    ]


def draw() -> str:
    """Return the picture as SVG."""
    floors = read()
    height = place(floors)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-labelledby="t">',
        '<title id="t">The packages of soundsdk, their imports, and the way of a sound through them</title>',
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0.5L7 4L0 7.5z" fill="var(--arrow)"/></marker>'
        '<marker id="way" viewBox="0 0 8 8" refX="5" refY="4" markerWidth="4.6" markerHeight="4.6" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="var(--flow)"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height:.0f}" rx="10" fill="var(--paper)"/>',
    ]
    for i, floor in enumerate(floors):
        parts.append(
            f'<rect x="{LEFT}" y="{floor.y:.0f}" width="{WIDTH - LEFT - RIGHT}" height="{floor.height:.0f}" rx="8"'
            ' fill="var(--floor)" stroke="var(--wall)"/>'
        )
        parts.append(
            f'<text x="{LEFT + PAD}" y="{floor.y + 22:.0f}"><tspan class="name" fill="var(--c{i})">{floor.name}</tspan>'
            f'<tspan class="what" dx="10">{escape(FLOORS[floor.name])}</tspan></text>'
        )
    for i, floor in enumerate(floors):
        parts += _draw_imports(floor)
        for room in floor.rooms:
            parts += _draw_room(room, i)
    parts += _draw_stairs(floors)
    parts += _draw_way(floors)
    parts.append(_text(LEFT + PAD, height - 18, "side", LEGEND))
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    """Write the picture, or check it; return the exit code."""
    text = draw()
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(text)
        return 0
    if PICTURE.is_file() and PICTURE.read_text() == text:
        return 0
    print(f"{PICTURE.relative_to(ROOT)} is not what the imports say; make docs-picture draws it again")
    return 1


if __name__ == "__main__":
    sys.exit(main())
