"""The page of an explanation: one HTML file with its picture, its sound and its script, and nothing to fetch."""

from __future__ import annotations

import io
import json
import re
from base64 import b64encode
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import printable
from soundsdk_sim.explain.picture import LEFT, RIGHT, WIDTH, EvidencePicture, colour_of
from soundsdk_sim.explain.report import Explanation
from soundsdk_sim.explain.seconds import ClassSecond, Second
from soundsdk_sim.explain.steps import HOLDING, QUIET, ClassTrace
from soundsdk_sim.explain.verdicts import Verdict

_HERE = Path(__file__).parent
_LONGEST_AUDIO_S = 300.0  # about 5 MB in the page; longer recordings come without sound
_OUTCOMES = {"fired": "fired", "too_short": "too short", "cut_off": "cut off by the end", "too_low": "too low"}


def page(explanation: Explanation, pcm: NDArray[np.int16], title: str, picture: EvidencePicture, svg: bytes) -> str:
    """Return the page. picture: drawn as svg; its spans place the play head."""
    trace = explanation.trace
    fired = sum(verdict.outcome == "fired" for verdict in explanation.verdicts)
    about = f"{trace.seconds:.2f} s, {len(trace.ends)} steps of {1000 * trace.step_samples / trace.rate_hz:g} ms."
    about += f" {fired} of {len(explanation.verdicts)} classes of {printable(trace.metadata['name'])} fired."
    colours = {c.label: colour_of(i) for i, c in enumerate(trace.classes)}
    parts = {
        "title": escape(title),
        "style": (_HERE / "page.css").read_text(encoding="utf-8"),
        "about": escape(about),
        "notes": "".join(f"<li>Sound: {escape(note)}</li>" for note in explanation.notes),
        "verdicts": "".join(_card(explanation, i) for i in explanation.by_interest()),
        "picture": svg.decode(),
        "seconds": "".join(_rows(row, colours) for row in explanation.seconds),
        "audio": _audio(pcm, trace.rate_hz),
        "data": json.dumps(_data(explanation, picture)).replace("<", "\\u003c"),
        "script": (_HERE / "page.js").read_text(encoding="utf-8"),
    }
    text = (_HERE / "page.html").read_text(encoding="utf-8")
    return re.sub(r"/\*(\w+)\*/", lambda found: parts[found[1]], text)


def _card(explanation: Explanation, i: int) -> str:
    verdict, rule = explanation.verdicts[i], explanation.trace.classes[i].rule
    about = f"on {rule.on / 1000:.2f}, off {rule.off / 1000:.2f}, min {rule.min_ms} ms, hold {rule.hold_ms} ms"
    return (
        f'<li class="{verdict.outcome}" style="--tint:{colour_of(i)}"><h3>{escape(printable(verdict.label))}'
        f'<span class="chip">{_OUTCOMES[verdict.outcome]}</span></h3>{_reason(verdict)}<p class="rule">{about}</p></li>'
    )


def _reason(verdict: Verdict) -> str:
    text = verdict.text[0].upper() + verdict.text[1:] + "."
    return f"<div>{escape(text)}{escape(f' It {verdict.advice}.') if verdict.advice else ''}</div>"


def _rows(row: Second, colours: dict[str, str]) -> str:
    """Return a row of the table for each class that did something in a second, or one that says none did."""
    sound = "; ".join(word for word, on in (("clipped", row.sound.clipped), ("silence", row.sound.silent)) if on)
    level = f"{row.sound.rms_dbfs:.1f}" + (f" {sound}" if sound else "")
    head = f'<td class="n">{row.second}</td><td class="n">{level}</td>'
    shown = [c for c in row.classes if c.words]
    if not shown:
        top = max(row.classes, key=lambda c: c.score / c.on, default=None)
        rest = _cells(top, "no class above its off", colours) if top else '<td colspan="4">shorter than a step</td>'
        return f'<tr class="quiet">{head}{rest}</tr>'
    lines = [_cells(c, "; ".join(c.words), colours) for c in shown]
    return "".join(f"<tr>{head if i == 0 else '<td></td><td></td>'}{line}</tr>" for i, line in enumerate(lines))


def _cells(of: ClassSecond, words: str, colours: dict[str, str]) -> str:
    dot = f'<i class="dot" style="--tint:{colours[of.label]}"></i>'
    numbers = f'<td class="n">{of.score / 1000:.2f}</td><td class="n">{of.on / 1000:.2f}</td>'
    return f"<td>{dot}{escape(printable(of.label))}</td>{numbers}<td>{escape(words)}</td>"


def _audio(pcm: NDArray[np.int16], rate_hz: int) -> str:
    if len(pcm) > _LONGEST_AUDIO_S * rate_hz:
        return "<p>The recording is too long to be part of this page.</p>"
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, pcm, rate_hz, format="FLAC", subtype="PCM_16")
    return f'<audio controls preload="auto" src="data:audio/flac;base64,{b64encode(out.getvalue()).decode()}"></audio>'


def _data(explanation: Explanation, picture: EvidencePicture) -> dict[str, Any]:
    trace = explanation.trace
    first = explanation.verdicts[explanation.by_interest()[0]]
    return {
        "width": WIDTH,
        "left": LEFT,
        "right": RIGHT,
        "spans": picture.spans,
        "seconds": trace.seconds,
        "at": trace.end_s(first.step),
        "ends": [round(trace.end_s(i), 4) for i in range(len(trace.ends))],
        "classes": [_class_data(c, colour_of(i)) for i, c in enumerate(trace.classes)],
    }


def _class_data(of: ClassTrace, colour: str) -> dict[str, Any]:
    return {
        "label": printable(of.label),
        "colour": colour,
        "on": of.rule.on / 1000,
        "off": of.rule.off / 1000,
        "min_ms": of.rule.min_ms,
        "scores": [step.score / 1000 for step in of.steps],
        "states": [step.state for step in of.steps],
        "more": [step.hold_left_ms if step.state in (HOLDING, QUIET) else step.above_ms for step in of.steps],
    }
