"""The recording of a terminal on the front page: real commands, whose output becomes an SVG that types itself.

    python docs/generate/terminal.py        docs/terminal.svg, after a minute of training as on the page `doorbell.md`

The film begins with the first command, is whole after seven seconds of ten, and loops. Where animations are off
(prefers-reduced-motion) the last frame stands still. Few columns: a phone shows them in type that can be read.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from html import escape, unescape

from doorbell_folder import DOCS, doorbell_folder, output_of

PICTURE = DOCS / "terminal.svg"
LENGTH_S = 10.0
_COLUMNS, _SIZE, _PITCH, _TOP, _LEFT = 48, 16.0, 22.0, 52.0, 12.0
_CHARACTER = 0.602 * _SIZE  # the advance of a character in a monospaced font
_WIDTH = 640  # pixels, where there is room


@dataclass(frozen=True)
class Scene:
    """A command as it is typed, in lines, and which parts of the lines of its output are shown.

    port: of the board that is plugged in, as SOUNDSDK_PORT does it. begin_s, typing_s: of the command. output_s: when
    its output comes. most: so many lines of it at most.
    """

    typed: tuple[str, ...]
    shown: str  # a regular expression
    begin_s: float
    typing_s: float
    output_s: float
    port: str = ""
    most: int = 4

    def words(self) -> tuple[str, ...]:
        """Return the words after `soundsdk`, the port included."""
        words = " ".join(line.rstrip("\\") for line in self.typed).split()[1:]
        return (*words, "-p", self.port) if self.port else tuple(words)


_BOARD = "sim:rpi_pico,file=evening.wav,model=doorbell.tflite"
SCENES = (
    Scene(("soundsdk train --data my_sounds \\", "    --fold 1 -o doorbell.tflite"),
          r"^\d+ clips of 2 classes to train on|^doorbell\.tflite: [\d,]+ bytes"
          r"|[┃│] (label|doorbell) +[┃│] (found|\d+ of \d+) +[┃│]",
          0.0, 0.0, 1.2),
    Scene(("soundsdk sim evening.wav --format audacity \\", "    --model doorbell.tflite"),
          r"^[\d.]+\t[\d.]+\t\w+$", 2.4, 1.6, 4.3),
    Scene(("soundsdk monitor --once",), r".* on .* doorbell$", 5.2, 0.9, 6.5, _BOARD, 1),
)  # fmt: skip


def lines_of(scene: Scene, output: list[str]) -> list[str]:
    """Return what the film shows of the output of a scene's command; AssertionError if that is nothing."""
    found = [part[0] for line in output if (part := re.search(scene.shown, line))]
    assert found, f"{scene.typed} shows nothing that matches {scene.shown}"
    # The time of day is of no one's run: the film has always the same.
    lines = [re.sub(r"^\d\d:\d\d:\d\d", "18:30:07", line).expandtabs(12) for line in found[: scene.most]]
    assert max(map(len, lines)) <= _COLUMNS, f"{scene.typed} prints wider lines than the film has columns"
    return lines


def film() -> str:
    """Run the scenes in a folder of their own and return the SVG."""
    with doorbell_folder():
        return draw([lines_of(scene, output_of(scene.words(), errors=True)) for scene in SCENES])


def lines_in(svg: str) -> list[list[str]]:
    """Return the lines of output that an SVG of `draw` shows, a list for each scene."""
    found: list[list[str]] = [[] for _ in SCENES]
    for number, text in re.findall(r'<text [^>]*class="l o(\d)"[^>]*>(.*)</text>', svg):
        found[int(number)].append(unescape(re.sub(r"<[^>]+>", "", text)))
    return found


def draw(shown: list[list[str]]) -> str:
    """Return the SVG of the scenes with the lines of output of each."""
    rows: list[str] = []
    rules: list[str] = []
    y = _TOP
    for number, (scene, lines) in enumerate(zip(SCENES, shown, strict=True)):
        begin_s = scene.begin_s
        rules.append(_appears(f"p{number}", begin_s))
        rows.append(f'<text x="{_LEFT:g}" y="{y:g}" class="p p{number}">$</text>')
        for row, typed in enumerate(scene.typed):
            name = f"t{number}{row}"
            typing_s = scene.typing_s * len(typed) / len("".join(scene.typed))
            rules.append(_typed(name, begin_s, typing_s, len(typed)))
            begin_s += typing_s
            width = (len(typed) + 1) * _CHARACTER
            rows.append(
                f'<clipPath id="{name}"><rect class="{name}" x="{_LEFT + 2 * _CHARACTER:g}" y="{y - _PITCH:g}"'
                f' width="{width:g}" height="{1.5 * _PITCH:g}"/></clipPath>'
            )
            rows.append(_text(typed, y, "c", 2, f' clip-path="url(#{name})"'))
            y += _PITCH
        rules.append(_appears(f"o{number}", scene.output_s))
        for line in lines:
            rows.append(_text(line, y, f"l o{number}", 0))
            y += _PITCH
        y += 0.5 * _PITCH
    width, height = 2 * _LEFT + _COLUMNS * _CHARACTER, y - 0.6 * _PITCH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_WIDTH * height / width:.0f}"'
        f' viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="t">\n'
        '<title id="t">A terminal: a detector is trained on recordings, finds two rings in another, and a board with'
        " it reports a ring</title>\n"
        f"<style>\n{_STYLE}{''.join(rules)}</style>\n"
        f'<rect width="{width:g}" height="{height:g}" rx="9" fill="#161b22"/>\n'
        + "".join(f'<circle cx="{20 + 18 * i}" cy="19" r="5.5" fill="{c}"/>\n' for i, c in enumerate(_LIGHTS))
        + "\n".join(rows) + "\n</svg>\n"
    )  # fmt: skip


_LIGHTS = ("#ff5f57", "#febc2e", "#28c840")
_STYLE = f"""text {{ font: {_SIZE:g}px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; white-space: pre; }}
.p {{ fill: #7ee787; }} .c {{ fill: #f0f6fc; }} .l {{ fill: #a5b3c2; }} .hit {{ fill: #ffa657; font-weight: 600; }}
@media (prefers-reduced-motion: reduce) {{ * {{ animation: none !important; }} }}
"""


def _text(text: str, y: float, kind: str, column: int, more: str = "") -> str:
    words = escape(text)
    if kind[0] == "l":
        words = re.sub(r"(doorbell(?!\.)|\d+ of \d+)", '<tspan class="hit">\\1</tspan>', words)
    length = f'textLength="{len(text) * _CHARACTER:g}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{_LEFT + column * _CHARACTER:g}" y="{y:g}" class="{kind}" {length}{more}>{words}</text>'


def _typed(name: str, begin_s: float, typing_s: float, characters: int) -> str:
    if not typing_s:  # it is there from the start
        return ""
    begin, end = (100 * s / LENGTH_S for s in (begin_s, begin_s + typing_s))
    return (
        f".{name} {{ animation: {name} {LENGTH_S:g}s infinite; transform-box: fill-box; }}\n"
        f"@keyframes {name} {{ 0%, {begin:.2f}% {{ transform: scaleX(0); animation-timing-function: "
        f"steps({characters}); }} {end:.2f}%, 100% {{ transform: scaleX(1); }} }}\n"
    )


def _appears(name: str, at_s: float) -> str:
    if not at_s:
        return ""
    at = 100 * at_s / LENGTH_S
    return (
        f".{name} {{ animation: {name} {LENGTH_S:g}s infinite; }}\n"
        f"@keyframes {name} {{ 0%, {at:.2f}% {{ opacity: 0; }} {at + 0.5:.2f}%, 100% {{ opacity: 1; }} }}\n"
    )


def main() -> int:
    """Write the picture."""
    PICTURE.write_text(film(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
