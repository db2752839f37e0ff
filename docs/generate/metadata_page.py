"""The page of a detector file's metadata: the keys of the shipped detectors, with what the firmware allows."""

from __future__ import annotations

import json
from typing import Any

from prose import code

from soundfw.settings import POOL, THRESHOLDS
from soundsdk.detector_file import FEATURE_SCALE
from soundsdk.labels import MOST_LABEL_BYTES
from soundsdk.models.shipped import load_model
from soundsdk_train.run_settings import MOST_NAME_BYTES, FrontendSettings

INTRO = """# Metadata of a detector file

A detector is one TensorFlow Lite file. Its buffer named `soundsdk` holds JSON with everything else that deciding needs.
TensorFlow's own tools open the file as any other. A file is checked by the firmware's own rules wherever it is opened:
a key that is missing or out of its range is an error, named by its code.

"""
# What each key means; a key of a shipped detector that is not here fails the build of the site.
MEANINGS = {
    "soundsdk": "version of this format",
    "name": f"the detector's name, {MOST_NAME_BYTES} bytes of UTF-8 at most",
    "labels": f"names of the classes, in the order of the scores; each has 1 to {MOST_LABEL_BYTES} bytes of UTF-8",
    "head": "`sigmoid`: any number of labels at once; `softmax`: one",
    "frontend": "settings of the sound features, below",
    "hop_frames": "feature frames in one step of the network",
    "features": "number of the input tensor that takes the features",
    "scores": "number of the output tensor with the scores",
    "attention": "number of the output tensor with the weights of the pooling; missing: all steps count alike",
    "states": "pairs (input, output) of tensors that carry what the network remembers from step to step",
    "detector": "the rules that turn scores into events, below",
    "reference": "mean and spread of each band over the training data, in 1/256 of a feature step",
    "provenance": "what the file was made from: hash of the data, seed, commit, versions, licence, figures",
    "calibration": "by what sound the thresholds were chosen, and the rate of false alarms that it proves",
    "judge": "which interpreter the file was compared with",
}


def page() -> str:
    """Return the page as Markdown."""
    names = ("home", "esc10", "knock_doorbell")
    found = {name: load_model(name).metadata for name in names}
    keys = list(dict.fromkeys(key for metadata in found.values() for key in metadata))
    rows = [f"| `{key}` | {MEANINGS[key]} | {_where(key, found)} |" for key in keys]
    return (
        INTRO + "## Keys\n\n| key | meaning | in |\n|---|---|---|\n" + "\n".join(rows)
        + "\n\n## frontend\n\n" + _frontend(found["home"]["frontend"])
        + f"\nA feature is an int8 value of scale {FEATURE_SCALE:g} and zero point 0.\n"
        + "\n## detector\n\n" + _rules()
        + "\n## An example\n\nThe detector `knock_doorbell`, long lists cut short:\n\n"
        + code("json", json.dumps(_short(found["knock_doorbell"]), indent=2)) + "\n"
    )  # fmt: skip


def _where(key: str, found: dict[str, dict[str, Any]]) -> str:
    having = [name for name in found if key in found[name]]
    return "all" if len(having) == len(found) else ", ".join(having)


_FRONTEND = {
    "rate_hz": "samples per second", "window": "samples of one window (Hann)", "hop": "samples from one to the next",
    "fft": "points of the Fourier transform", "bands": "mel bands", "low_hz": "bottom of the lowest band",
    "high_hz": "top of the highest band", "coefficients": "cosine coefficients (MFCC); 0: the bands themselves",
    "floor_db": "quiet below this level is all the same", "step_mdb": "thousandths of a dB in one feature step",
}  # fmt: skip


def _frontend(shipped: dict[str, Any]) -> str:
    default = FrontendSettings()
    rows = [
        f"| `{key}` | {_FRONTEND.get(key, 'version of the formula')} | {getattr(default, key, '–')} | {value} |"
        for key, value in shipped.items()
    ]
    return "| key | meaning | default | in `home` |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _rules() -> str:
    meanings = {
        "on": "score at which an event may begin, in 1/1000", "off": "score below which it ends, in 1/1000",
        "min_ms": "how long the score has to stay above `off`", "hold_ms": "how long it has to stay below `off`",
    }  # fmt: skip
    rows = [f"| `classes[].{key}` | {meanings[key]} | {low} to {high} |" for key, _, low, high in THRESHOLDS]
    rows.append(f"| `{POOL[0]}` | time constant of the pooling; 0: none | {POOL[2]} to {POOL[3]} |")
    return "| key | meaning | range |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list) and len(value) > 6 and not isinstance(value[0], (dict, list)):
        return [*value[:3], "…"]
    return value
