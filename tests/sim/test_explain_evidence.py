"""Evidence: occlusion runs the very model of the device, and finds the sound that a score rests on."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundcore
from PIL import Image
from tiny_model import HZ, band_of, metadata

from soundsdk.errors import UsageError
from soundsdk.models.shipped import load_model
from soundsdk_sim.drawing.raster import Raster
from soundsdk_sim.explain.evidence import chosen_classes, evidence_json, evidence_sentence, saliencies, step_at
from soundsdk_sim.explain.occlusion import Occlusion, hertz
from soundsdk_sim.explain.overlay import overlay
from soundsdk_sim.explain.picture import WIDTH, ClassPanel, EvidencePicture
from soundsdk_sim.explain.report import explain_sound
from soundsdk_sim.explain.steps import follow


def logits_of_stream(data: bytes, pcm: np.ndarray) -> np.ndarray:
    stream, sound, at, out = soundcore.Stream(data), pcm.tobytes(), 0, []
    while at < len(pcm):
        at += stream.feed(sound, at)
        if stream.stepped:
            out.append(list(stream.scores))
    return np.array(out)


@pytest.mark.parametrize("name", ["home", "esc10", "knock_doorbell"])
def test_uncovered_steps_have_the_logits_of_the_stream(name: str, pcm: np.ndarray) -> None:
    data = load_model(name).data
    sound = pcm[:64000]
    trace = follow(data, sound)
    assert np.array_equal(Occlusion(data, trace).logits, logits_of_stream(data, sound))


@pytest.mark.parametrize("name", ["home", "esc10", "knock_doorbell"])
def test_the_score_that_evidence_explains_is_the_detectors(name: str, pcm: np.ndarray) -> None:
    # esc10 pools over a second and has a softmax, home does neither: both agree to the rounding of 1/1000.
    data = load_model(name).data
    trace = follow(data, pcm[:40000])
    occlusion = Occlusion(data, trace)
    for i, of in enumerate(trace.classes):
        for step in range(len(trace.ends)):
            assert occlusion.score(i, step) == pytest.approx(of.steps[step].score / 1000, abs=0.0015)


@pytest.mark.parametrize(("label", "begin"), [("high", 1.0), ("low", 4.0)])
def test_evidence_lies_on_the_tone_in_time_and_pitch(model: bytes, pcm: np.ndarray, label: str, begin: float) -> None:
    explanation = explain_sound(model, pcm)
    assert explanation is not None
    index = [c.label for c in explanation.trace.classes].index(label)
    (found,) = saliencies(model, explanation, [index], begin + 0.6)
    assert found.strongest is not None
    assert found.strongest.low <= band_of(HZ[label]) < found.strongest.high
    frames = np.flatnonzero(found.effect[:, band_of(HZ[label])] > 0.3 * found.effect.max())
    seconds = (found.first_frame + frames) * 0.016
    assert begin - 0.1 < seconds.min()
    assert seconds.max() < begin + 0.75
    # The rest of the picture, other pitches in the same time, says much less.
    elsewhere = np.delete(found.effect, range(band_of(HZ[label]) - 7, band_of(HZ[label]) + 8), axis=1)
    assert np.abs(elsewhere).max() < 0.35 * found.effect.max()
    assert f"{label} at " in evidence_sentence(explanation.trace, found)
    without = evidence_json(explanation.trace, found)["without"]
    assert without["hz"][0] * 0.8 < HZ[label] < without["hz"][1] * 1.2
    assert without["score"] < found.score


def test_the_picture_shows_evidence_in_red_over_the_tone_and_nowhere_else(model: bytes, pcm: np.ndarray) -> None:
    explanation = explain_sound(model, pcm)
    assert explanation is not None
    (found,) = saliencies(model, explanation, [1], 4.6)
    picture = EvidencePicture(explanation, pcm, [ClassPanel(1, found)])
    surface = Raster(WIDTH, picture.height(), "#ffffff")
    picture.draw(surface)
    pixels = np.asarray(Image.open(io.BytesIO(surface.data())).convert("RGB")).astype(int)
    assert pixels.shape[:2] == (round(2 * picture.height()), 2 * WIDTH)
    bottom = picture.spans[-1][1]

    def redness(begin: float, end: float, low: int, high: int) -> float:
        """Return the mean of red over green in the evidence between two times and two bands."""
        rows = [round(2 * (bottom - 112 * band / 40)) for band in (high, low)]
        columns = [round(2 * picture.x(seconds)) for seconds in (begin, end)]
        part = pixels[rows[0] : rows[1], columns[0] : columns[1]]
        return float((part[..., 0] - part[..., 1]).mean())

    band = band_of(HZ["low"])
    assert redness(4.35, 4.5, band - 1, band + 1) > 60
    assert redness(1.0, 2.0, 0, 40) < 5
    assert redness(5.0, 5.5, 0, 40) < 5
    assert redness(4.35, 4.5, 25, 40) < 10


def test_overlay_is_red_for_and_blue_against_and_clear_where_little_depends() -> None:
    effect = np.zeros((10, 4), np.float32)
    effect[2, 0], effect[5, 3] = 2.0, -2.0
    effect[7, 2] = 0.05
    pixels = overlay(effect)
    assert pixels.shape == (4, 10, 4)
    assert tuple(pixels[3, 2, :3]) == (200, 50, 31)
    assert tuple(pixels[0, 5, :3]) == (33, 102, 172)
    assert pixels[3, 2, 3] == pixels[0, 5, 3] > 150
    assert np.count_nonzero(pixels[..., 3]) == 2
    assert overlay(effect / 100)[..., 3].max() < 30


def test_a_strong_other_tone_speaks_against_a_class(model: bytes, pcm: np.ndarray) -> None:
    # Each class of this model is three bands minus the mean of all: the other's tone lowers its score.
    explanation = explain_sound(model, pcm)
    assert explanation is not None
    (found,) = saliencies(model, explanation, [0], 4.6)
    there = found.effect[-40:, band_of(HZ["low"])]
    assert there.min() < 0
    assert abs(there.min()) > found.effect[-40:, 30:].max()


def test_silence_has_no_strongest_patch_that_is_a_lie(model: bytes) -> None:
    explanation = explain_sound(model, np.zeros(32000, np.int16))
    assert explanation is not None
    (found,) = saliencies(model, explanation, [0], None)
    assert found.strongest is None
    assert not found.effect.any()
    assert "no patch of the sound lowers it" in evidence_sentence(explanation.trace, found)


def test_classes_are_chosen_by_what_they_did_or_by_name(model: bytes, pcm: np.ndarray) -> None:
    explanation = explain_sound(model, pcm)
    assert explanation is not None
    assert chosen_classes(explanation, ()) == [0, 1]
    assert chosen_classes(explanation, ("low", "low")) == [1]
    with pytest.raises(UsageError, match="no class dog"):
        chosen_classes(explanation, ("dog",))
    quiet = explain_sound(model, np.zeros(32000, np.int16))
    assert quiet is not None
    assert len(chosen_classes(quiet, ())) == 1


def test_a_time_is_the_step_it_lies_in(model: bytes, pcm: np.ndarray) -> None:
    trace = follow(model, pcm)
    assert [step_at(trace, s) for s in (0.0, trace.end_s(0), trace.end_s(0) + 1e-3, trace.seconds)] == [
        0, 0, 1, len(trace.ends) - 1,
    ]  # fmt: skip
    for outside in (-0.1, trace.seconds + 0.1):
        with pytest.raises(UsageError, match="outside the recording"):
            step_at(trace, outside)


def test_bands_of_mfcc_have_no_frequency() -> None:
    meta = metadata()
    low, high = hertz(meta, 0, 40) or (0, 0)
    assert 60 < low < high < 7600
    meta["frontend"]["coefficients"] = 13
    assert hertz(meta, 0, 3) is None
