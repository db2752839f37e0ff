"""The same work elsewhere: instructions on an emulated RV32IMC, time on this computer beside others' programs."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import soundcore

from benchmarks.bench_native import built_in_step_instructions
from soundsdk.models.shipped import load_model
from soundsdk_sim.profile.measured import varied_sound
from soundsdk_train.tf_runtime import StderrSilenced

_ROUNDS = 15
_ROUND_S = 0.02
_SOUND_S = 10


def rv32_hop_instructions() -> int:
    """Return the instructions of one hop of esc10 on QEMU's RV32, features and network, as built into the image."""
    return round(built_in_step_instructions("qemu_rv32", "esc10"))


def step_against_xnnpack() -> tuple[float, float]:
    """Return the seconds of one step of esc10's network: soundcore's, and TensorFlow Lite's with XNNPACK, one thread.

    Raises ImportError where TensorFlow is missing.
    """
    data = load_model("esc10").data
    model = soundcore.Model(data)
    with StderrSilenced(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LiteRT is to take its place
        from tensorflow import lite

        peer = lite.Interpreter(model_content=data, num_threads=1)
        peer.allocate_tensors()
    rng = np.random.default_rng(1)
    for i, tensor in enumerate(peer.get_input_details()):
        values = rng.integers(-128, 128, size=tensor["shape"], dtype=np.int8)
        peer.set_tensor(tensor["index"], values)
        model.input(i)[:] = values.ravel()
    return _seconds_of(model.invoke, peer.invoke)


def frontend_against_librosa() -> tuple[float, float]:
    """Return the seconds that features of 10 s of sound take: soundcore's, and librosa's of the same shape.

    Raises ImportError where librosa is missing.
    """
    import librosa

    settings = load_model("esc10").metadata["frontend"]
    rate_hz, bands = int(settings["rate_hz"]), int(settings["bands"])
    pcm = varied_sound(_SOUND_S * rate_hz, rate_hz)
    frontend = soundcore.Frontend(**{name: value for name, value in settings.items() if name != "version"})
    frames = np.empty(frontend.frames_after(len(pcm)) * bands, np.int8)
    shape = {"sr": rate_hz, "n_fft": settings["fft"], "win_length": settings["window"], "hop_length": settings["hop"]}
    mels = {"n_mels": bands, "fmin": settings["low_hz"], "fmax": settings["high_hz"]}
    y = pcm.astype(np.float32) / 32768

    def ours() -> None:
        frontend.reset()
        frontend.push(pcm, frames)

    def theirs() -> None:
        librosa.power_to_db(librosa.feature.melspectrogram(y=y, center=False, **shape, **mels))

    return _seconds_of(ours, theirs)


def _seconds_of(ours: Callable[[], None], theirs: Callable[[], None]) -> tuple[float, float]:
    """Return the processor time of a call of each, medians of rounds by turns: other load reaches both."""
    counts = []
    for call in (ours, theirs):
        call()
        begin = time.process_time()
        call()
        counts.append(max(1, round(_ROUND_S / max(time.process_time() - begin, 1e-6))))
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        for call, count, times in zip((ours, theirs), counts, taken, strict=True):
            begin = time.process_time()
            for _ in range(count):
                call()
            times.append((time.process_time() - begin) / count)
    return statistics.median(taken[0]), statistics.median(taken[1])
