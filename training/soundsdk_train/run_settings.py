"""Every setting of a training run in one tree of dataclasses, read from TOML."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soundsdk.errors import UsageError
from soundsdk.labels import MOST_LABEL_BYTES, counted, meant, printable
from soundsdk_train.setting_ranges import check_frontend, check_numbers
from soundsdk_train.settings_files import tables_in

MOST_NAME_BYTES = 64  # in UTF-8, as the firmware has it (soundfw.main.App.open_model)
# Labels that the scene generator makes without recordings.
SYNTHETIC_LABELS = ("smoke_alarm", "siren", "doorbell", "knock")


@dataclass
class DataSettings:
    """Licence of the recordings and the classes that are negatives."""

    licence: str = ""  # goes into the model's provenance
    negatives: list[str] = field(default_factory=list)  # classes that are not labels of a sigmoid head


@dataclass
class FrontendSettings:
    """Arguments of soundcore.Frontend; all integers, copied into the model's metadata."""

    rate_hz: int = 16000
    window: int = 512
    hop: int = 256
    fft: int = 512
    bands: int = 40
    low_hz: int = 60
    high_hz: int = 7600
    coefficients: int = 0
    floor_db: int = -100
    step_mdb: int = 400

    @property
    def width(self) -> int:
        """Values per frame."""
        return self.coefficients or self.bands


def frontend_of(metadata: Mapping[str, Any]) -> FrontendSettings:
    """Return the settings of a detector's frontend, given the metadata of its file."""
    return FrontendSettings(**{k: v for k, v in metadata["frontend"].items() if k != "version"})


@dataclass
class ModelSettings:
    """Shape of the streaming CRNN. The product of the time strides is the hop of one step, in frames."""

    head: str = "softmax"  # softmax: one label per clip; sigmoid: any number of labels
    attention: str = "shared"  # shared: one attention weight per step; class: one per label
    stem_filters: int = 16
    stem_kernel: list[int] = field(default_factory=lambda: [5, 5])  # frames, bands
    stem_stride: list[int] = field(default_factory=lambda: [2, 2])
    # Depthwise-separable blocks: filters, time stride, band stride.
    blocks: list[list[int]] = field(default_factory=lambda: [[32, 2, 2], [48, 1, 1], [64, 2, 2], [96, 1, 1]])
    block_kernel: list[int] = field(default_factory=lambda: [3, 3])
    gru_units: int = 64
    dropout: float = 0.2  # before the recurrent layer and before the head

    @property
    def hop_frames(self) -> int:
        """Feature frames per step."""
        hop = self.stem_stride[0]
        for block in self.blocks:
            hop *= block[1]
        return hop


@dataclass
class AugmentSettings:
    """Changes made to log-mel features on the fly. Levels in dB, probabilities 0..1."""

    stretch: float = 1.25  # rate drawn log-uniformly from 1/stretch..stretch
    mel_shift: float = 2.0  # bands, either way
    gain_db: float = 12.0  # either way
    tilt_db: float = 6.0  # either way, at the outermost bands
    colour_db: float = 3.0  # smooth random response of a microphone or room, either way
    noise_db: list[float] = field(default_factory=lambda: [-95.0, -55.0])  # level of the noise floor added
    noise_tilt_db: float = 12.0  # either way, at the outermost bands
    mixup: float = 0.5  # share of examples that are mixed with another
    mixup_level_db: float = 6.0  # level of the other one against the first, either way
    time_masks: int = 2
    time_mask_frames: int = 32
    band_masks: int = 2
    band_mask_bands: int = 6
    noiseless: float = 0.2  # share without a noise floor: what is digital silence stays so


@dataclass
class WaveformAugmentSettings:
    """Changes made to the samples of a clip before the frontend (soundsdk_train.waveform). Shares are 0..1."""

    variants: int = 4  # augmented copies of each clip, one of which stands for it in an epoch; 0: none
    most_variants: int = 10000  # of all clips together; larger data sets have fewer of each clip
    speed: float = 1.1  # rate, pitch included, drawn log-uniformly from 1/speed..speed
    pitched: float = 0.2  # share whose pitch changes at its own length
    pitch: float = 1.06  # factor, either way
    trim_db: float = 45.0  # quiet before and after a sound, this far below its loudest moment, is cut; 0: kept
    placed: float = 0.75  # share with quiet before and after, so that the start of a clip is no cue
    lead_s: list[float] = field(default_factory=lambda: [0.1, 2.0])
    tail_s: float = 1.0  # at most
    rooms: float = 0.4
    mixed: float = 0.3  # share with a background
    mix_snr_db: list[float] = field(default_factory=lambda: [3.0, 30.0])
    microphones: float = 0.5
    equalised: float = 0.3
    tilt_db: float = 9.0  # at 125 Hz and 8 kHz, either way
    band_limited: float = 0.25  # share without treble (from 2-7 kHz) or bass (to 60-300 Hz)
    gain_controlled: float = 0.15  # share with an automatic gain control
    coded: float = 0.2  # share sent through a telephone, mu-law or a transform codec
    level_db: list[float] = field(default_factory=lambda: [-40.0, 6.0])
    silent_floors: float = 0.2  # share without a noise floor: digital silence around and under it
    floor_db: list[float] = field(default_factory=lambda: [-90.0, -50.0])  # dBFS; below the sound by 6 dB or more
    clipped: float = 0.1  # share driven into clipping by 3-24 dB


@dataclass
class NegativeSettings:
    """Sounds of the world that are none of the labels, mixed into every training (soundsdk_train.negatives)."""

    use: bool = True
    share: float = 0.25  # of a batch
    generated: int = 160  # number made for a frontend other than the default, whose features are not shipped


@dataclass
class PretrainedSettings:
    """A detector whose network training starts from (`train --from`), and how (soundsdk_train.pretrained)."""

    file: str = ""  # a detector that comes with soundsdk, such as home, or a .tflite file; "" for none
    head_steps: int = 160  # batches over frozen convolutions
    head_rate: float = 3e-3
    tuned_steps: int = 240  # batches on all weights
    tuned_rate: float = 1e-3
    negatives: float = 0.5  # share of a batch, instead of negatives.share: a user's few recordings say little of others
    hard_share: float = 0.25  # of the negatives: those that the new head is most mistaken about,
    hard_times: int = 6  # which are drawn so many times as often in the second stage
    event_weight: float = 1.0  # instead of train.event_weight
    strangers: int = 120  # negatives generated beside the others: barks, sirens and alarms, for which home listens


@dataclass
class TrainSettings:
    """The optimiser and its schedule."""

    epochs: int = 160
    batch: int = 32
    window_frames: int = 312  # frames per training example; shorter clips repeat, longer ones are cut at random
    learning_rate: float = 3e-3
    warmup_epochs: int = 5
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    average: float = 0.99  # per-step decay of the averaged weights, 0 for none
    clip_norm: float = 1.0
    strong_weight: float = 1.0  # of the per-step loss where strong labels exist
    clip_weight: float = 1.0  # of the loss of whole clips
    # Of the loss of the event that a clip would raise, its highest mean of logits over event_ms (sigmoid heads).
    event_weight: float = 0.0
    event_ms: int = 512
    # Of a clip labelled as a whole, frames so far below its loud parts are not learned as the label, all others are
    # (sigmoid heads); 0: labels hold for the clip only.
    quiet_db: float = 0.0
    loss: str = "cross_entropy"  # of the labels: cross_entropy, focal or, for a sigmoid head, asymmetric (losses.py)
    focal_gamma: float = 2.0  # how little an easy example counts
    asymmetric_gamma: list[float] = field(default_factory=lambda: [0.0, 4.0])  # where a label holds, and where not
    asymmetric_margin: float = 0.05  # an absent label of a probability below costs nothing
    validation: float = 0.0  # share of the training recordings held back to choose the best epoch


@dataclass
class TeacherSettings:
    """Larger models trained first on the same clips, whose mean prediction the small one learns as well."""

    count: int = 0
    width: float = 2.0  # factor on all filters and units
    epochs: int = 160
    dropout: float = 0.3
    weight: float = 0.5  # of the teacher's targets against the labels
    temperature: float = 2.0


@dataclass
class TeacherFileSettings:
    """A trained model in a file (`train --teacher`), whose scores of the recordings the network learns as well."""

    file: str = ""  # .tflite, .onnx or SavedModel folder; "" for none
    class_map: str = ""  # names of its classes; "" for NAME_class_map.csv beside the file
    head: str = "map"  # map: by the table below; fitted: by a regression of its scores on the labels of the recordings
    # Label -> names or numbers of the teacher's classes; [] leaves a label to the labels of the recordings.
    map: dict[str, list[str | int]] = field(default_factory=dict)
    combine: str = "max"  # of a label's classes: max or sum
    activation: str = "none"  # of its outputs, if they are not probabilities: sigmoid or softmax
    rate_hz: int = 16000
    window_s: float = 0.975  # of a model that takes any length
    hop_s: float = 0.24  # from one window to the next
    sure_at: float = 0.5  # the score that counts as certain: YAMNet rarely gives more to what is there
    delay_s: float = 0.2  # by which its scores reach the network later than the middle of their window
    weight: float = 0.5  # of its scores against the labels of a recording
    # A label that a recording lacks is absent, whatever the teacher hears: YAMNet is sure of a smoke alarm in two of
    # three recordings of other beeps. If false, its scores count there as well, and where it is sure nothing is known.
    trust_absent: bool = True
    unlabelled: int = 3000  # training examples from recordings without labels, at most


@dataclass
class QuantizeSettings:
    """Calibration: clips per class that are streamed, each from a cold start."""

    clips_per_class: int = 8


@dataclass
class DetectorSettings:
    """Default thresholds of the event detector for every class, in the units of the metadata."""

    pool_ms: int = 1000
    on: int = 600
    off: int = 400
    min_ms: int = 256
    hold_ms: int = 500


@dataclass
class CalibrationSettings:
    """Thresholds that a training chooses for few false alarms, where no scenes do (calibration.by_default)."""

    use: bool = True
    max_fa_per_hour: float = 1.0  # of each label
    generated_s: float = 900.0  # of sound that is generated for this and not trained on


@dataclass
class SceneSettings:
    """Generated training scenes (soundsdk_train.mixtures); count 0 means none."""

    count: int = 0
    validation: int = 0  # 60 s scenes on which the detector's thresholds are chosen
    seconds: float = 8.0
    labels: list[str] = field(default_factory=lambda: ["smoke_alarm", "siren", "dog_bark", "baby_cry"])
    weights: list[float] = field(default_factory=lambda: [1.0, 1.1, 1.2, 1.0])  # how often each label is drawn
    empty: float = 0.3  # share of scenes without any event
    # Level of an event against what sounds under it; below -3 dB only alarms and sirens, which are heard there.
    snr_db: list[float] = field(default_factory=lambda: [-10.0, 38.0])
    exclude: list[str] = field(default_factory=list)  # classes of the recordings that are not used
    # How often kinds of sounds are in front, over the weights of mixtures.mixture.FRONT; "alarms", "bells" and
    # "impacts" (of soundsdk_sim.scenes) are there only if they are named here.
    front: dict[str, float] = field(default_factory=dict)
    trusted: list[str] = field(default_factory=list)  # kinds of negatives in which a teacher's labels are not believed


@dataclass
class RunSettings:
    """All settings of one training run; the TOML file has one table per field."""

    name: str = ""
    seed: int = 1
    data: DataSettings = field(default_factory=DataSettings)
    frontend: FrontendSettings = field(default_factory=FrontendSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    waveform: WaveformAugmentSettings = field(default_factory=WaveformAugmentSettings)
    negatives: NegativeSettings = field(default_factory=NegativeSettings)
    pretrained: PretrainedSettings = field(default_factory=PretrainedSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    teacher: TeacherSettings = field(default_factory=TeacherSettings)
    teacher_file: TeacherFileSettings = field(default_factory=TeacherFileSettings)
    quantize: QuantizeSettings = field(default_factory=QuantizeSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    scenes: SceneSettings = field(default_factory=SceneSettings)

    def as_dict(self) -> dict[str, Any]:
        """Return all values as a plain dictionary, for run.json."""
        return dataclasses.asdict(self)


def read_settings(path: str | Path | None) -> RunSettings:
    """Read a TOML file and those that it builds on, or one that comes with soundsdk, by its name; None: the defaults.

    Raises UsageError for a file that cannot be read, an unknown key or a value of the wrong type.
    """
    return from_dict(tables_in(path), str(path))


def from_dict(table: dict[str, Any], source: str = "settings") -> RunSettings:
    """Build RunSettings from nested dictionaries; it raises what read_settings raises."""
    settings = RunSettings()
    _fill(settings, table, source, "")
    check_settings(settings)
    return settings


def check_settings(settings: RunSettings) -> None:
    """Raise UsageError for numbers outside their range, and for combinations that no run can use."""
    check_numbers(settings)
    check_frontend(settings.frontend)
    if settings.model.head not in ("softmax", "sigmoid"):
        raise UsageError(f"model.head is {settings.model.head!r}.", 'Use "softmax" or "sigmoid".')
    if settings.model.attention not in ("shared", "class"):
        raise UsageError(f"model.attention is {settings.model.attention!r}.", 'Use "shared" or "class".')
    _check_loss(settings)
    check_teacher_file(settings.teacher_file)
    if settings.scenes.count and settings.teacher_file.head == "fitted":
        raise UsageError('teacher_file.head = "fitted" does not go with [scenes].', "Use a table, teacher_file.map.")
    check_name(settings.name)
    if settings.scenes.count:
        _check_scenes(settings.scenes)
    hop = settings.model.hop_frames
    if settings.train.window_frames % hop:
        raise UsageError(
            f"train.window_frames is {settings.train.window_frames}, not a multiple of the model's hop, {hop} frames.",
            f"Use {max(1, settings.train.window_frames // hop) * hop}.",
        )
    kernels = [(settings.model.stem_kernel, settings.model.stem_stride)]
    kernels += [(settings.model.block_kernel, list(block[1:])) for block in settings.model.blocks]
    if any(block[1] != block[2] for block in settings.model.blocks):
        raise UsageError("a block of model.blocks has different strides in time and bands.", "Make them equal.")
    for kernel, stride in kernels:
        if kernel[0] < stride[0]:
            raise UsageError(f"a kernel of {kernel[0]} frames is shorter than its stride, {stride[0]}.", "Enlarge it.")


def check_teacher_file(file: TeacherFileSettings) -> None:
    """Raise UsageError for values that no teacher can have."""
    words = (
        ("combine", ("max", "sum")),
        ("activation", ("none", "sigmoid", "softmax")),
        ("head", ("map", "fitted")),
    )
    for key, known in words:
        if getattr(file, key) not in known:
            raise UsageError(f"teacher_file.{key} is {getattr(file, key)!r}.", f"Use {', '.join(known)}.")


def _check_loss(settings: RunSettings) -> None:
    train, head = settings.train, settings.model.head
    kinds = ("cross_entropy", "focal", "asymmetric")[: 2 if head == "softmax" else 3]
    if train.loss not in kinds:
        raise UsageError(f"train.loss is {train.loss!r}, with a {head} head.", f"Use {' or '.join(kinds)}.")


def check_name(name: str) -> None:
    """Raise UsageError for a detector's name that a board does not start with; "" stands for the file's."""
    if len(name.encode()) > MOST_NAME_BYTES:
        raise UsageError(
            f"the name {printable(name)} has {len(name.encode())} bytes, and a board takes {MOST_NAME_BYTES}.",
            "Give a shorter one with --name.",
        )


def _check_scenes(scenes: SceneSettings) -> None:
    if not scenes.labels or len(scenes.labels) != len(scenes.weights):
        raise UsageError(
            f"scenes.labels holds {counted(len(scenes.labels), 'label')} and scenes.weights "
            f"{counted(len(scenes.weights), 'number')}.",
            "Give one weight for each label.",
        )
    if sum(scenes.weights) <= 0:
        raise UsageError("all of scenes.weights are 0, so no event would be drawn.", "Give one a positive number.")
    for label in scenes.labels:
        if not 0 < len(label.encode()) <= MOST_LABEL_BYTES or scenes.labels.count(label) > 1:
            raise UsageError(
                f"scenes.labels has {printable(label)!r}, which is empty, twice there, or longer than "
                f"{MOST_LABEL_BYTES} bytes.",
                "Correct it.",
            )


def _fill(target: Any, table: dict[str, Any], source: str, prefix: str) -> None:
    hints = typing.get_type_hints(type(target))
    known = {f.name for f in dataclasses.fields(target)}
    for key, value in table.items():
        if key not in known:
            names = ", ".join(sorted(known))
            raise UsageError(f"{source}: unknown key {prefix}{key}.", f"{meant(key, known)}Known here: {names}.")
        current = getattr(target, key)
        if dataclasses.is_dataclass(current):
            if not isinstance(value, dict):
                raise UsageError(f"{source}: {prefix}{key} is a table.", f"Write it as [{prefix}{key}].")
            _fill(current, value, source, f"{prefix}{key}.")
        else:
            setattr(target, key, _convert(value, hints[key], f"{source}: {prefix}{key}"))


def _convert(value: Any, kind: Any, where: str) -> Any:
    if typing.get_origin(kind) is list:
        (item,) = typing.get_args(kind)
        if not isinstance(value, list):
            raise UsageError(f"{where} must be a list.", "Write it in brackets.")
        return [_convert(v, item, where) for v in value]
    if typing.get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise UsageError(f"{where} is a table.", "Write one key per line.")
        return {k: _convert(v, typing.get_args(kind)[1], f"{where}.{k}") for k, v in value.items()}
    if isinstance(kind, types.UnionType):
        if type(value) in typing.get_args(kind):
            return value
        names = " or ".join(one.__name__ for one in typing.get_args(kind))
        raise UsageError(f"{where} must be of type {names}, not {type(value).__name__}.", "Correct the value.")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise UsageError(f"{where} must be of type {kind.__name__}, not {type(value).__name__}.", "Correct the value.")
    return value
