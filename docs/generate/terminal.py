"""The recording of a terminal on the front page: real commands, whose output becomes an SVG that types itself.

    python docs/generate/terminal.py [--check]      --check: exit with 1 if docs/terminal.svg is not what a run gives

The film loops, ten seconds each time. Where animations are off (prefers-reduced-motion) the last frame stands still.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from html import escape

from doorbell_folder import DOCS, doorbell_folder, output_of

PICTURE = DOCS / "terminal.svg"
LENGTH_S = 10.0
_COLUMNS, _SIZE, _PITCH, _TOP, _LEFT = 92, 13.0, 19.0, 54.0, 18.0
_CHARACTER = 0.602 * _SIZE  # the advance of a character in a monospaced font


@dataclass(frozen=True)
class Scene:
    """A command as it is typed, the words that are run for it, and which lines of its output are shown."""

    typed: str
    words: tuple[str, ...]
    shown: str  # a regular expression
    begin_s: float
    most: int = 4


# The evening with two rings, of the page `doorbell.md`; SOUNDSDK_PORT plugs the board in.
_BOARD = "sim:rpi_pico,file=evening.wav,model=knock_doorbell"
SCENES = (
    Scene("soundsdk data my_sounds             # recordings in two folders",
          ("data", "my_sounds"), r"clips  |^  (doorbell|background)", 0.3),
    Scene("soundsdk sim evening.wav --model knock_doorbell --format audacity # try it",
          ("sim", "evening.wav", "--model", "knock_doorbell", "--format", "audacity"), r"doorbell|knock", 3.0),
    Scene("soundsdk monitor --once             # a board hears the bell",
          ("monitor", "--once", "--seconds", "60", "-p", _BOARD), r" on .*doorbell", 6.2, 1),
)  # fmt: skip


def lines_of(scene: Scene) -> list[str]:
    """Run the command of a scene in the working folder and return the lines that are shown."""
    found = [line for line in output_of(scene.words) if re.search(scene.shown, line)]
    assert found, f"{scene.typed} shows nothing that matches {scene.shown}"
    # The time of day is of no one's run: the film has always the same.
    return [re.sub(r"^\d\d:\d\d:\d\d", "18:30:07", line).expandtabs(12)[:_COLUMNS] for line in found[: scene.most]]


def film() -> str:
    """Run the scenes in a folder of their own and return the SVG."""
    with doorbell_folder():
        return draw([(scene, lines_of(scene)) for scene in SCENES])


def draw(shown: list[tuple[Scene, list[str]]]) -> str:
    """Return the SVG of scenes with their lines."""
    rows: list[str] = []
    rules: list[str] = []
    y = _TOP
    for number, (scene, lines) in enumerate(shown):
        typing_s = 0.03 * len(scene.typed)
        name = f"t{number}"
        rules.append(_typed(name, scene.begin_s, typing_s, len(scene.typed)))
        rules.append(_appears(f"p{number}", scene.begin_s - 0.2))
        rows.append(f'<text x="{_LEFT}" y="{y:g}" class="p p{number}">$</text>')
        width = (len(scene.typed) + 1) * _CHARACTER
        rows.append(
            f'<clipPath id="{name}"><rect class="{name}" x="{_LEFT + 2 * _CHARACTER:g}" y="{y - _PITCH:g}"'
            f' width="{width:g}" height="{1.5 * _PITCH:g}"/></clipPath>'
        )
        rows.append(_text(scene.typed, y, "c", 2, f' clip-path="url(#{name})"'))
        rules.append(_appears(f"o{number}", scene.begin_s + typing_s + 0.25))
        y += _PITCH
        for line in lines:
            rows.append(_text(line, y, f"l o{number}", 0))
            y += _PITCH
        y += 0.5 * _PITCH
    width, height = 2 * _LEFT + _COLUMNS * _CHARACTER, y - 0.3 * _PITCH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="t">\n'
        '<title id="t">A terminal: two folders of recordings, two rings are found, a board reports one</title>\n'
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
    words = re.sub(r"(doorbell)", '<tspan class="hit">\\1</tspan>', escape(text)) if kind[0] == "l" else escape(text)
    length = f'textLength="{len(text) * _CHARACTER:g}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{_LEFT + column * _CHARACTER:g}" y="{y:g}" class="{kind}" {length}{more}>{words}</text>'


def _typed(name: str, begin_s: float, typing_s: float, characters: int) -> str:
    begin, end = (100 * s / LENGTH_S for s in (begin_s, begin_s + typing_s))
    return (
        f".{name} {{ animation: {name} {LENGTH_S:g}s infinite; transform-box: fill-box; }}\n"
        f"@keyframes {name} {{ 0%, {begin:.2f}% {{ transform: scaleX(0); animation-timing-function: "
        f"steps({characters}); }} {end:.2f}%, 100% {{ transform: scaleX(1); }} }}\n"
    )


def _appears(name: str, at_s: float) -> str:
    at = 100 * at_s / LENGTH_S
    return (
        f".{name} {{ animation: {name} {LENGTH_S:g}s infinite; }}\n"
        f"@keyframes {name} {{ 0%, {at:.2f}% {{ opacity: 0; }} {at + 0.5:.2f}%, 100% {{ opacity: 1; }} }}\n"
    )


def main() -> int:
    """Write the picture, or compare it with what a run gives."""
    made = film()
    if "--check" in sys.argv[1:]:
        same = PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == made
        print("docs/terminal.svg is " + ("what a run gives" if same else "out of date: make docs-picture"))
        return 0 if same else 1
    PICTURE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
