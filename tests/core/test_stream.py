"""Stream: reads its settings from the model's own metadata, and refuses one that does not fit."""

import json
import random

import numpy as np
import pytest
import soundcore

from soundsdk.resources import models_dir


@pytest.fixture(scope="module", params=["esc10", "home", "knock_doorbell"])
def data(request):
    return (models_dir() / f"{request.param}.tflite").read_bytes()


def altered(data, change):
    """Return the file with other metadata of the same length: change() edits the dict, spaces fill up."""
    old = soundcore.Model(data).metadata
    meta = json.loads(old)
    meta.pop("provenance")  # makes room
    change(meta)
    text = json.dumps(meta, separators=(",", ":")).encode()
    assert len(text) <= len(old)
    return data.replace(old, text.ljust(len(old)))


def refused(data):
    with pytest.raises(soundcore.Error) as caught:
        soundcore.Stream(data)
    code, detail = caught.value.args
    assert detail
    return code


def sound(seconds, seed=1):
    rng = np.random.default_rng(seed)
    n = 16000 * seconds
    return (rng.normal(0, 2000, n) + 6000 * np.sin(np.arange(n) * 0.4)).clip(-32768, 32767).astype(np.int16)


def scores_of(stream, pcm, chunks):
    """Scores of every step, fed in the given chunk sizes (the last one repeats)."""
    out, at = [], 0
    while at < len(pcm):
        at += stream.feed(pcm[at : at + next(chunks)])
        if stream.stepped:
            out.append(bytes(stream.scores) + bytes(stream.attention))
    return out


def first_step(stream):
    """Return how many samples the first step takes: a window, and a hop for each further frame."""
    meta = json.loads(stream.metadata)
    return meta["frontend"]["window"] + (meta["hop_frames"] - 1) * meta["frontend"]["hop"]


def test_any_chunks_give_the_same_scores(data):
    pcm = sound(4)
    whole = scores_of(soundcore.Stream(data), pcm, iter(lambda: 10**9, None))
    assert len(set(whole)) > 5
    seed = 3
    rng = random.Random(seed)
    odd = scores_of(soundcore.Stream(data), pcm, iter(lambda: rng.choice((1, 7, 255, 256, 511, 4000)), None))
    assert odd == whole, f"seed {seed}"


def test_feed_stops_at_the_end_of_a_step(data):
    stream = soundcore.Stream(data)
    pcm = sound(3)
    first, step = first_step(stream), stream.step_samples
    assert not stream.stepped
    assert (stream.feed(pcm[: first - 1]), stream.stepped) == (first - 1, False)
    assert (stream.feed(pcm[first - 1 : first]), stream.stepped) == (1, True)
    assert (stream.feed(pcm, first), stream.stepped) == (step, True)
    assert (stream.feed(pcm[:0]), stream.stepped) == (0, False)
    assert (stream.feed(pcm, len(pcm) - step + 1), stream.stepped) == (step - 1, False)
    stream.feed(pcm)
    assert stream.stepped
    stream.reset()
    assert (stream.feed(pcm), stream.stepped) == (first, True)


def test_features_are_those_of_the_step_that_ended(data):
    """They stay until the next feed, whatever lies behind the step in the samples given."""
    meta = json.loads(soundcore.Stream(data).metadata)
    frontend = soundcore.Frontend(**{k: v for k, v in meta["frontend"].items() if k != "version"})
    pcm = sound(3)
    frames = np.zeros((1000, frontend.width), np.int8)
    frames = frames[: frontend.push(pcm, frames)]
    stream, at = soundcore.Stream(data), 0
    for i in range(5):
        at += stream.feed(pcm, at)
        assert stream.stepped
        expected = frames[i * meta["hop_frames"] : (i + 1) * meta["hop_frames"]]
        assert bytes(stream.features) == expected.tobytes()


def test_a_start_past_the_samples_is_refused(data):
    stream = soundcore.Stream(data)
    assert stream.feed(sound(1)[:100], 100) == 0
    with pytest.raises(ValueError, match="past"):
        stream.feed(sound(1)[:100], 101)
    with pytest.raises(TypeError):
        stream.feed(sound(1)[:100], -1)


def test_reset_equals_new(data):
    pcm = sound(2)
    stream = soundcore.Stream(data)
    before = scores_of(stream, pcm, iter(lambda: 500, None))
    stream.feed(pcm[:777])
    stream.reset()
    assert scores_of(stream, pcm, iter(lambda: 500, None)) == before


def test_stream_equals_frontend_and_model_by_hand(data):
    stream, model = soundcore.Stream(data), soundcore.Model(data)
    meta = json.loads(stream.metadata)
    settings = {k: v for k, v in meta["frontend"].items() if k != "version"}
    frontend = soundcore.Frontend(**settings)
    for i in range(model.inputs):
        model.input(i)[:] = memoryview(bytes([model.input_quant(i)[1] & 255]) * len(model.input(i))).cast("b")
    pcm = sound(3)
    frames = np.zeros((1000, frontend.width), np.int8)
    frames = frames[: frontend.push(pcm, frames)]
    expected = []
    for at in range(0, len(frames) - meta["hop_frames"] + 1, meta["hop_frames"]):
        model.input(meta["features"])[:] = memoryview(frames[at : at + meta["hop_frames"]].tobytes()).cast("b")
        model.invoke()
        expected.append(bytes(model.output(meta["scores"])) + bytes(model.output(meta["attention"])))
        for i, o in meta["states"]:
            model.input(i)[:] = model.output(o)
    assert scores_of(stream, pcm, iter(lambda: 10**9, None)) == expected


def test_views_outlive_the_name_of_their_stream(data):
    scores = soundcore.Stream(data).scores
    assert len(bytes(scores)) == len(scores) > 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda m: m.update(soundsdk=2), "meta.version"),
        (lambda m: m.pop("soundsdk"), "meta.version"),
        (lambda m: m["frontend"].update(version=99), "meta.frontend"),
        (lambda m: m["frontend"].update(hop="256"), "meta.json"),
        (lambda m: m.pop("states"), "meta.json"),
        (lambda m: m.pop("labels"), "meta.json"),
        (lambda m: m["frontend"].update(hop=1), "frontend.hop"),
        (lambda m: m["frontend"].update(bands=39), "meta.features"),
        (lambda m: m.update(hop_frames=m["hop_frames"] + 1), "meta.features"),
        (lambda m: m.update(features=99), "meta.features"),
        (lambda m: m.update(scores=99), "meta.scores"),
        (lambda m: m["labels"].append("x"), "meta.scores"),
        (lambda m: m.update(attention=m["scores"]), "meta.scores"),
        (lambda m: m["states"].pop(), "meta.states"),
        (lambda m: m["states"].__setitem__(0, m["states"][1]), "meta.states"),
        (lambda m: m["states"][0].__setitem__(1, m["scores"]), "meta.states"),
    ],
)
def test_metadata_that_does_not_fit_is_refused_with_its_code(data, change, code):
    assert refused(altered(data, change)) == code


def test_unaltered_metadata_is_accepted(data):
    soundcore.Stream(altered(data, lambda m: None))


def test_metadata_that_is_not_json_is_refused(data):
    meta = soundcore.Model(data).metadata
    assert refused(data.replace(meta, b"[" + meta[1:])) == "meta.json"


def test_every_truncation_is_refused(data):
    for n in [*range(0, 400, 7), *range(400, len(data), 4001)]:
        with pytest.raises(soundcore.Error):
            soundcore.Stream(data[:n])


def test_wrong_pcm_is_refused(data):
    stream = soundcore.Stream(data)
    with pytest.raises(TypeError, match="int16"):
        stream.feed(np.zeros(10, np.float32))
    with pytest.raises(TypeError, match="contiguous"):
        stream.feed(np.zeros((10, 2), np.int16)[:, 0])
    with pytest.raises(ValueError, match="middle"):
        stream.feed(b"abc")
    unaligned = np.frombuffer(b"\0" + sound(1).tobytes(), np.uint8)[1:]
    aligned = soundcore.Stream(data)
    taken = stream.feed(unaligned)
    assert taken == aligned.feed(np.frombuffer(unaligned.tobytes(), np.int16))
    assert stream.stepped
    assert bytes(stream.scores) == bytes(aligned.scores)
