"""Negatives: what is shipped, what is generated, and which of them a training gets."""

from __future__ import annotations

import numpy as np
import pytest

from soundsdk.errors import DataError, UsageError
from soundsdk_train.augment import Augmenter
from soundsdk_train.datasets import LabelledClip
from soundsdk_train.negatives import negatives_for
from soundsdk_train.negatives.electrical import ELECTRICAL
from soundsdk_train.negatives.generated import KINDS, generated_negative, kind_schedule
from soundsdk_train.negatives.mixing import SHIPPED, fits, generated_items, held_back_negatives
from soundsdk_train.negatives.packing import STEP, NegativeItem, frontend_hash, pack, packed_frontend, unpack
from soundsdk_train.run_settings import FrontendSettings, RunSettings, from_dict
from soundsdk_train.training_bank import training_bank

RATE = 16000


def settings(head: str = "sigmoid", **tables: dict) -> RunSettings:
    return from_dict({"model": {"head": head}, **tables})


def items(rng: np.random.Generator) -> list[NegativeItem]:
    out = []
    for i, frames in enumerate((1, 7, 312, 50)):
        walk = np.cumsum(rng.normal(0, 6, (frames, 40)), axis=0)
        features = np.clip(np.rint(walk), -128, 127).astype(np.int8)
        out.append(NegativeItem(features, f"kind{i}", ["a", "b"], "source", f"file {i}", "CC0"))
    out.append(NegativeItem(np.full((30, 40), -128, np.int8), "silence", [], "source", "none", "CC0"))
    return out


def test_a_packed_file_gives_its_items_back_to_half_a_step() -> None:
    made = items(np.random.default_rng(1))
    data = pack(made, FrontendSettings())
    assert packed_frontend(data) == frontend_hash(FrontendSettings())
    for a, b in zip(made, unpack(data), strict=True):
        assert (a.kind, a.words, a.source, a.original, a.licence) == (b.kind, b.words, b.source, b.original, b.licence)
        assert a.features.shape == b.features.shape
        assert np.abs(a.features.astype(int) - b.features).max() <= STEP // 2 + 1  # + 1: clipped at 127
    assert (unpack(data)[-1].features == -128).all()  # silence stays silence


def test_a_damaged_file_is_refused_with_a_sentence() -> None:
    data = pack(items(np.random.default_rng(2)), FrontendSettings())
    rng = np.random.default_rng(3)
    for broken in (b"", b"SNEG", data[:9], data[:40], data[: len(data) // 2], b"SNEG2" + data[5:], data[:-20]):
        with pytest.raises(DataError, match="negatives"):
            unpack(broken)
    for _ in range(60):  # any byte may differ: an error that is ours, or items
        at = int(rng.integers(len(data)))
        try:
            unpack(data[:at] + bytes([data[at] ^ int(rng.integers(1, 256))]) + data[at + 1 :])
        except DataError:
            continue


def test_the_shipped_file_is_small_broad_licensed_and_of_the_default_frontend() -> None:
    data = SHIPPED.read_bytes()
    assert len(data) <= 3_500_000
    assert packed_frontend(data) == frontend_hash(FrontendSettings()), "make it again: make_shipped"
    shipped = unpack(data)
    kinds = {item.kind for item in shipped}
    assert kinds >= set(KINDS)
    assert kinds >= {"neg_speech", "neg_kids_pitched", "neg_music", "neg_home", "neg_street", "neg_beeps", "neg_nature"}
    assert kinds >= {"dog_bark", "baby_cry", "siren", "smoke_alarm", "fire_alarm", "car_horn", "gunshot"}
    assert sum(len(item.features) for item in shipped) * 0.016 > 40 * 60
    card = SHIPPED.with_name("CARD.md").read_text(encoding="utf-8")
    for item in shipped:
        assert item.licence
        assert not any(word in item.licence for word in ("SA", "GPL", "NC", "not stated"))
        assert item.source in card
        assert item.original in card or item.kind in KINDS
    assert len({item.features.tobytes() for item in shipped}) > len(shipped) - 30  # silences and the like repeat


def test_every_kind_is_generated_from_a_seed_and_within_range() -> None:
    for kind in KINDS:
        one, two, other = (generated_negative(np.random.default_rng(s), kind, 2.0) for s in (1, 1, 2))
        assert one.dtype == np.int16
        assert len(one) == 2 * RATE
        assert np.array_equal(one, two)
        if kind != "digital_silence":
            assert not np.array_equal(one, other)
    assert sorted(set(kind_schedule(160))) == sorted(KINDS)
    assert len(kind_schedule(37)) == 37


def test_electrical_signals_are_what_they_are_called() -> None:
    def make(name: str) -> np.ndarray:
        return ELECTRICAL[name](np.random.default_rng(5), 20 * RATE)

    assert not make("digital_silence").any()
    assert 20 * np.log10(np.std(make("faint_noise"))) == pytest.approx(-90, abs=0.5)
    clicks = make("power_on_clicks")
    assert np.abs(clicks[: RATE // 2]).max() > 0.2
    assert np.std(clicks[9 * RATE : 10 * RATE]) < 0.01  # quiet until the next one
    assert np.abs(clicks[10 * RATE : 10 * RATE + RATE // 2]).max() > 0.2
    hum = np.abs(np.fft.rfft(make("mains_hum")[: 10 * RATE]))
    assert int(np.argmax(hum)) / 10 % 50 < 0.3 or int(np.argmax(hum)) / 10 % 60 < 0.3
    assert (np.abs(make("full_scale_clipping")) == 1.0).mean() > 0.1


@pytest.mark.parametrize(
    ("words", "label", "fit"),
    [
        ("dog bark", "dog_bark", False),
        ("dog bark", "barking", False),
        ("bark", "car", True),
        ("door knock impact", "doorbell", False),
        ("horn car", "car_horn", False),
        ("car engine", "carousel", True),
        ("speech voice", "baby_cry", True),
        ("child children laugh", "baby_cry", True),
        ("timer beep", "smoke_alarm", True),  # beeps are what a smoke alarm must be told from
        ("smoke fire", "smoke_alarm", False),
        ("timer beep", "alarm", False),
        ("siren ambulance", "kitchen_alarm", False),  # which alarm it is nobody knows
        ("siren ambulance", "smoke_alarm", True),
        ("baby cry crying infant", "crying", False),
        ("rain water", "background", True),
        ("glasses", "glass_break", False),
        ("street car", "neg_street", True),  # a class of backgrounds
    ],
)
def test_an_item_that_may_hold_a_label_does_not_fit(words: str, label: str, fit: bool) -> None:
    assert fits(words.split(), [label]) is fit


def test_a_sigmoid_head_gets_negatives_without_a_label_in_any_frame() -> None:
    chosen = negatives_for(["dog_bark"], settings())
    assert len(chosen.clips) > 400
    assert "shipped" in chosen.note
    assert "left out" in chosen.note
    for clip in chosen.clips:
        assert clip.labels == ()
        assert clip.features is not None
        assert clip.strong is not None
        assert clip.strong.shape == (len(clip.features), 1)
        assert not clip.strong.any()
    again = negatives_for(["dog_bark"], settings())
    assert [c.sha256 for c in again.clips] == [c.sha256 for c in chosen.clips]


@pytest.mark.parametrize("label", ["dog_bark", "baby_cry", "siren", "smoke_alarm"])
def test_what_home_hears_is_a_negative_of_every_other_detector_and_of_no_detector_of_it(label: str) -> None:
    strangers = {c.name.split("-", 2)[2] for c in negatives_for(["doorbell"], settings()).clips}
    assert label in strangers
    assert "doorbell" not in strangers
    own = {c.name.split("-", 2)[2] for c in negatives_for([label], settings()).clips}
    assert label not in own
    assert own & {"dog_bark", "baby_cry", "siren", "smoke_alarm"}


def test_a_fifth_of_the_recordings_is_held_back_to_calibrate_on_and_whole_recordings_are() -> None:
    held = held_back_negatives(["doorbell"], FrontendSettings())
    trained = negatives_for(["doorbell"], settings()).clips
    everything = negatives_for(["doorbell"], settings(calibration={"use": False})).clips
    assert len(held) + len(trained) == len(everything)
    assert 0.1 < len(held) / len(everything) < 0.25
    assert len({item.kind for item in held}) >= 10
    assert not {item.original.split(", pitched")[0] for item in held} & {clip.source for clip in trained}
    assert held_back_negatives(["doorbell"], FrontendSettings(bands=32)) == []


def test_sharp_events_end_soon_after_they_began() -> None:
    for kind in ("knocks", "claps", "bangs", "breaking_glass", "coughs"):
        for seed in range(3):
            x = KINDS[kind].make(np.random.default_rng(seed), 5 * RATE)
            levels = np.sort(np.square(x[: 5 * RATE]).reshape(-1, RATE // 50).mean(1))
            assert np.isfinite(levels).all()
            assert levels[-1] > 100 * levels[len(levels) // 4], kind


def test_with_a_softmax_head_negatives_are_backgrounds_or_alike_to_all_classes() -> None:
    chosen = negatives_for(["bell", "background"], settings("softmax"))
    assert {clip.labels for clip in chosen.clips} == {("background",)}
    assert all(clip.soft_labels is None for clip in chosen.clips)
    alike = negatives_for(["bell", "knock"], settings("softmax")).clips
    assert alike
    assert all(clip.soft_labels is not None and clip.soft_labels.tolist() == [0.5, 0.5] for clip in alike)


def test_another_frontend_gets_generated_negatives_and_one_line_that_says_so() -> None:
    chosen = negatives_for(["bell"], settings(frontend={"bands": 32}, negatives={"generated": 40}))
    assert 30 <= len(chosen.clips) <= 40
    assert "generated" in chosen.note
    assert all(clip.features is not None and clip.features.shape[1] == 32 for clip in chosen.clips)
    assert generated_items(FrontendSettings(rate_hz=8000, high_hz=3800), 10, 1) == []


def test_negatives_can_be_turned_off_and_a_share_of_all_is_refused() -> None:
    for table in ({"use": False}, {"share": 0.0}):
        assert negatives_for(["bell"], settings(negatives=table)).clips == []
    with pytest.raises(UsageError, match="share"):
        settings(negatives={"share": 1.0})


def test_a_quarter_of_every_batch_is_negatives() -> None:
    features = np.full((100, 40), 5, np.int8)
    clips = [LabelledClip(f"{i}", np.zeros(0, np.int16), ("bell",), "", "", features) for i in range(60)]
    chosen = settings(train={"batch": 32, "window_frames": 48}, augment={"mixup": 0.0})
    bank = training_bank(clips, ["bell"], chosen, negatives_for(["bell"], chosen).clips)
    source = Augmenter(bank, chosen.augment, chosen.train, chosen.frontend, 8, 1, chosen.negatives.share)
    for batch in source.epoch():
        assert len(batch.labels) == 32
        assert batch.labels.sum() == batch.has_strong.tolist().index(1.0) == 24
        assert batch.has_strong.sum() == 8
    assert bank.negatives > 400
    assert len(bank.copies) == 60


def test_a_training_that_starts_from_home_hears_more_of_what_home_listens_for() -> None:
    settings = RunSettings()
    settings.model.head = "sigmoid"
    plain = negatives_for(["rooster"], settings)
    settings.pretrained.file, settings.pretrained.strangers = "home", 6
    more = negatives_for(["rooster"], settings)
    kinds = [clip.name.split("-", 2)[2] for clip in more.clips[len(plain.clips) :]]
    assert kinds == ["barks", "siren", "smoke_alarm"] * 2
    assert "6 generated barks, sirens and alarms" in more.note
    assert more.digest != plain.digest
    assert not any(clip.strong.any() for clip in more.clips)
    # A label of the same sound is no stranger.
    barks = negatives_for(["dog_bark"], settings).clips
    assert [clip.name.split("-", 2)[2] for clip in barks].count("barks") == 0
