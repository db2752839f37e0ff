"""The page of an evaluation: figures, false alarms per kind, and the worst errors to see and to hear.

One file that needs nothing else: style, pictures and sounds are inside, and there is no script.
"""

from __future__ import annotations

import base64
import html
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soundsdk.whole_file import write_results
from soundsdk_train.evaluation.deployed_figures import ALL_NEGATIVES, BETWEEN, Estimate, FalseAlarmRate
from soundsdk_train.evaluation.deployed_run import DeployedEvaluation
from soundsdk_train.evaluation.exhibits import FALSE_ALARM, MISS, Exhibit, ExhibitCollector
from soundsdk_train.evaluation.outcomes import JudgedRecording
from soundsdk_train.evaluation.score_picture import COLOURS, ScorePicture
from soundsdk_train.evaluation.tables import COLLARS, LEFT_OUT, format_extent, format_hours, format_rate, format_spread
from soundsdk_train.features import extract
from soundsdk_train.run_settings import frontend_of

_LONG_S = 20.0  # recordings from this length on are shown whole
_SHOWN_WHOLE = 8
_ERRORS = ((FALSE_ALARM, "false alarms, highest score first"), (MISS, "misses, lowest score first"))
_TIMES = "Times: median / 95th percentile; latency is counted from the true onset to the report of the event."
_STYLE = Path(__file__).with_name("report.css")


@dataclass
class Origin:
    """Source of the recordings of a report: the model as it was named, and the folder or the long files.

    folder: of clips that were laid on a timeline after lead_s of quiet; None for long files as they are.
    """

    model: str
    folder: Path | None = None
    files: Sequence[Path] = ()
    lead_s: float = 0.0

    @property
    def onsets_known(self) -> bool:
        """True if the truth has times; folders of clips say what a clip holds, not when."""
        return self.folder is None

    def explain_command(self, recording: str) -> str:
        """Return the command that explains a recording of this name; FILE in it where the name fits several files."""
        if self.folder is not None:
            path = shlex.quote(str(self.folder / recording))
            return f"soundsdk explain {path} --lead {self.lead_s:g} -m {shlex.quote(self.model)}"
        fitting = [file for file in self.files if file.name == recording]
        path = shlex.quote(str(fitting[0])) if len(fitting) == 1 else "FILE"
        return f"soundsdk explain {path} -m {shlex.quote(self.model)}"


def write_report(path: Path, evaluation: DeployedEvaluation, collector: ExhibitCollector, origin: Origin) -> None:
    """Write the page, whole or not at all; OutputError if it cannot be written."""
    write_results({path: report_page(evaluation, collector, origin).encode()})


def report_page(evaluation: DeployedEvaluation, collector: ExhibitCollector, origin: Origin) -> str:
    """Return the page as HTML."""
    figures, name = evaluation.figures, html.escape(evaluation.name)
    labels = [figure.label for figure in figures.labels]
    keys = "".join(
        f'<span><i class="key" style="background:{COLOURS[i % len(COLOURS)]}"></i>{html.escape(label)}</span>'
        for i, label in enumerate(labels)
    )
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{name}: evaluation</title><style>{_STYLE.read_text('utf-8')}</style></head><body>",
        f"<h1>{name}</h1><p class=faint>{html.escape(format_extent(figures))}. "
        "INT8, with the frontend, the pooling and the thresholds of the device.</p>",
        _cards(evaluation, origin),
        "<h2>Labels</h2>",
        _label_table(evaluation, origin),
        "<p class=faint>A true event is found if an event of its label begins in it or up to 1 s after it. Small "
        "figures: intervals of 95 %, of rates exact Poisson ones, of the others from a bootstrap over recordings. "
        f"{_TIMES if origin.onsets_known else LEFT_OUT}</p>",
        "<h2>False alarms</h2>",
        _alarm_table(evaluation),
        f"<h2>Worst errors</h2><p class=keys>{keys}</p><p class=faint>Above: the log-mel spectrogram that the model "
        f"gets. The thick line is the label's score, the dashed ones its thresholds. {_times_note(origin)}</p>",
    ]
    any_shown = False
    for i, label in enumerate(labels):
        for what, title in _ERRORS:
            worst = collector.worst(what, label)
            if worst:
                any_shown = True
                shown = "".join(_exhibit(exhibit, evaluation, i, origin) for exhibit in worst)
                parts.append(f"<h3>{html.escape(label)}: {title}</h3><div class=exhibits>{shown}</div>")
    if not any_shown:
        parts.append("<p>None: every true event was found, and nothing else was.</p>")
    parts.append(_whole_recordings(evaluation.judged, labels))
    return "".join([*parts, "</body></html>\n"])


def _times_note(origin: Origin) -> str:
    if origin.folder is None:
        return "Times are those of the recording."
    return f"Times are on the timeline: each clip begins at {origin.lead_s:g} s, after the quiet or background."


def _cards(evaluation: DeployedEvaluation, origin: Origin) -> str:
    figures = evaluation.figures
    rates = [rate for f in figures.labels if (rate := f.rate() or f.rate(BETWEEN)) is not None]
    alarms = sum(rate.count for rate in rates)
    hours = max((rate.hours for rate in rates), default=0.0)
    cards = [
        ("recall, mean of labels", _number(figures.recall)),
        ("false alarms per hour, all labels", f"{alarms / hours:.1f}" if hours else "-"),
        *([(f"event F1 ({COLLARS})", _number(figures.event_f1))] if origin.onsets_known else []),
        ("segment F1", _number(figures.segment_f1)),
        *([("PSDS1", _number(figures.psds1))] if origin.onsets_known else []),
        ("PSDS2", _number(figures.psds2)),
        ("mAP", _number(figures.mean_average_precision)),
    ]
    return f"<div class=cards>{''.join(f'<div class=card>{name}<b>{value}</b></div>' for name, value in cards)}</div>"


def _label_table(evaluation: DeployedEvaluation, origin: Origin) -> str:
    of_events = ["event F1"] if origin.onsets_known else []
    times = ("onset s", "offset s", "latency s") if origin.onsets_known else ()
    heads = ("label", "found", "recall", "false/h", *of_events, "segment F1", "AP", *times)
    rows = [
        (
            html.escape(f.label),
            f"{f.found} of {f.events}" if f.events else "-",
            _interval(f.recall),
            _rate(f.rate() or f.rate(BETWEEN)),
            *([_interval(f.event_f1)] if origin.onsets_known else []),
            *(_interval(e) for e in (f.segment_f1, f.average_precision)),
            *(format_spread(s) for s in (f.onset_error, f.offset_error, f.latency) if origin.onsets_known),
        )
        for f in evaluation.figures.labels
    ]
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return _table(heads, body)


def _alarm_table(evaluation: DeployedEvaluation) -> str:
    figures = evaluation.figures.labels
    body = []
    for kind in [rate.kind for rate in figures[0].false_alarms]:
        rates = [figure.rate(kind) for figure in figures]
        hours = max(rate.hours for rate in rates if rate is not None)
        cells = "".join(
            f'<td class="{"some" if rate is not None and rate.count else ""}">{_rate(rate)}</td>' for rate in rates
        )
        total = ' class="total"' if kind == ALL_NEGATIVES else ""
        body.append(f"<tr{total}><td>{html.escape(kind)}</td><td>{format_hours(hours)}</td>{cells}</tr>")
    return _table(["kind of sound", "hours", *(html.escape(f.label) + " /h" for f in figures)], "".join(body))


def _table(heads: Sequence[str], body: str) -> str:
    head = "".join(f"<th>{text}</th>" for text in heads)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _exhibit(exhibit: Exhibit, evaluation: DeployedEvaluation, index: int, origin: Origin) -> str:
    metadata = evaluation.metadata
    picture = ScorePicture(
        exhibit.start_s,
        exhibit.end_s,
        metadata["labels"],
        exhibit.scores,
        exhibit.ends_s,
        exhibit.truth,
        exhibit.events,
        exhibit.span.label,
        metadata["detector"]["classes"][index],
        extract(exhibit.pcm, frontend_of(metadata)),
    )
    kind = f" ({html.escape(exhibit.kind)})" if exhibit.kind else ""
    best = exhibit.severity if exhibit.what == FALSE_ALARM else 1 - exhibit.severity
    return (
        f"<figure><figcaption>{html.escape(exhibit.recording)}{kind}<br><small>{exhibit.span.onset_s:.2f}–"
        f"{exhibit.span.offset_s:.2f} s, highest score {best:.3f}</small></figcaption>{picture.svg()}"
        f'<audio controls preload="none" src="data:audio/flac;base64,{_flac(exhibit)}"></audio>'
        f"<code>{html.escape(origin.explain_command(exhibit.recording))}</code></figure>"
    )


def _whole_recordings(judged: Sequence[JudgedRecording], labels: Sequence[str]) -> str:
    """Show the scores of long recordings, those with the most errors first."""
    long = [j for j in judged if j.recording.length_s >= _LONG_S]
    long.sort(key=lambda j: -len(j.false) - sum(not own for _, own in j.pairs))
    shown = []
    for j in long[:_SHOWN_WHOLE]:
        r = j.recording
        picture = ScorePicture(0.0, r.length_s, labels, r.scores, r.ends / r.rate_hz, r.truth, j.events, width=1120)
        missed = sum(not own for _, own in j.pairs)
        shown.append(
            f"<figure><figcaption>{html.escape(r.name)} <small>{r.length_s:.0f} s, {len(j.pairs)} true events, "
            f"{missed} missed, {len(j.false)} false alarms</small></figcaption>{picture.svg()}</figure>"
        )
    return f"<h2>Recordings from {_LONG_S:.0f} s</h2><div class=whole>{''.join(shown)}</div>" if shown else ""


def _flac(exhibit: Exhibit) -> str:
    """Return the sound as the text of a FLAC file, quiet sound made louder: it is there to be heard."""
    import soundfile

    peak = int(np.abs(exhibit.pcm.astype(np.int32)).max(initial=1))
    gain = min(max(16384 / max(peak, 1), 1.0), 100.0)
    file = io.BytesIO()
    sound = np.clip(exhibit.pcm * gain, -32768, 32767).astype(np.int16)
    soundfile.write(file, sound, exhibit.rate_hz, format="FLAC", subtype="PCM_16")
    return base64.b64encode(file.getvalue()).decode()


def _number(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}"


def _interval(estimate: Estimate) -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}<small>-</small>"
    return f"{estimate.value:.3f}<small>{estimate.low:.2f}–{estimate.high:.2f}</small>"


def _rate(rate: FalseAlarmRate | None) -> str:
    text, _, interval = format_rate(rate).partition(" [")
    return f"{text}<small>{interval.rstrip(']').replace(' ', '–')}</small>" if interval else text
