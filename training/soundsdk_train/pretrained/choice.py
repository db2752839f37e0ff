"""The choice to start from a detector: when, and with what settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from soundsdk.errors import UsageError
from soundsdk.models.shipped import load_model
from soundsdk_train.datasets import LabelledFile
from soundsdk_train.pretrained.reading import DetectorNetwork, read_network
from soundsdk_train.run_settings import DetectorSettings, FrontendSettings, RunSettings

# With fewer recordings per label, on average, than this, the shipped detector's network is the better start.
FEW = 40
# Tables of a settings file that say how to train: none of them leaves the choice to the number of recordings.
TABLES = ("frontend", "model", "train", "teacher", "teacher_file", "scenes")
# Of a detector of events in continuous sound. Without pooling: what is pooled is weighted by the attention, which falls
# a thousandfold as a sound ends, so that a pool of 256 ms remembers the sound for another two seconds.
_DETECTOR = DetectorSettings(pool_ms=0, on=800, off=320, min_ms=256, hold_ms=500)


def few_recordings(recordings: Sequence[LabelledFile], labels: Sequence[str]) -> bool:
    """Return True if there are fewer than FEW recordings per label; takes of one recording count once."""
    sources = {(r.label, r.source) for r in recordings if r.label in labels}
    return len(sources) < FEW * len(labels)


def start_from(name: str, settings: RunSettings, *, own_thresholds: bool = False) -> DetectorNetwork:
    """Read a detector's network and make the settings those of a training that starts from it.

    Form and frontend become the detector's; head and dropout stay. own_thresholds: the [detector] table was chosen and
    stays as well. Raises ModelError for a detector that cannot be used, UsageError for settings of another frontend.
    """
    network = read_network(load_model(name))
    if settings.frontend not in (FrontendSettings(), network.frontend):
        raise UsageError(
            f"[frontend] differs from that of {network.detector.name}, which training is to start from.",
            "Leave [frontend] out, or use --from none.",
        )
    sigmoid = settings.model.head == "sigmoid"
    settings.pretrained.file = name
    settings.frontend = network.frontend
    settings.model = replace(
        network.form,
        head=settings.model.head,
        attention="class" if sigmoid else "shared",
        dropout=settings.model.dropout,
    )
    if sigmoid and not own_thresholds:
        settings.detector = replace(_DETECTOR)
    return network
