"""The losses against their formulas, and their gradients where a formula would have none."""

from __future__ import annotations

import numpy as np
import pytest
from training_sounds import need

from soundsdk.errors import UsageError
from soundsdk_train.run_settings import TrainSettings, from_dict

LOGITS = np.array([[-30.0, -4.0, -1.0, 0.0, 1.0, 4.0, 30.0]], np.float32)


def sigmoid(loss: str, targets: np.ndarray, logits: np.ndarray = LOGITS, **settings) -> np.ndarray:
    need("tensorflow")
    from soundsdk_train.losses import sigmoid_loss

    return sigmoid_loss(targets.astype(np.float32), logits, TrainSettings(loss=loss, **settings)).numpy()


def cross_entropy(targets: np.ndarray, logits: np.ndarray = LOGITS) -> np.ndarray:
    x = logits.astype(np.float64)
    return targets * np.logaddexp(0, -x) + (1 - targets) * np.logaddexp(0, x)


@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_focal_loss_is_cross_entropy_times_the_distance_to_the_target(target):
    targets = np.full_like(LOGITS, target)
    p = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    for gamma in (0.0, 1.0, 2.0):
        expected = np.abs(target - p) ** gamma * cross_entropy(targets)
        np.testing.assert_allclose(sigmoid("focal", targets, focal_gamma=gamma), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(sigmoid("cross_entropy", targets), cross_entropy(targets), rtol=1e-5, atol=1e-6)


def test_asymmetric_loss_follows_its_paper():
    p = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    present, absent = np.ones_like(LOGITS), np.zeros_like(LOGITS)
    settings = {"asymmetric_gamma": [1.0, 4.0], "asymmetric_margin": 0.05}
    expected = -((1 - p) ** 1.0) * np.log(p)
    np.testing.assert_allclose(sigmoid("asymmetric", present, **settings), expected, rtol=1e-4, atol=1e-5)
    shifted = np.maximum(p - 0.05, 0.0)
    expected = -(shifted**4.0) * np.log(1 - shifted)
    np.testing.assert_allclose(sigmoid("asymmetric", absent, **settings), expected, rtol=1e-3, atol=1e-5)
    mixed = sigmoid("asymmetric", np.full_like(LOGITS, 0.25), **settings)
    parts = 0.25 * sigmoid("asymmetric", present, **settings) + 0.75 * sigmoid("asymmetric", absent, **settings)
    np.testing.assert_allclose(mixed, parts, rtol=1e-5)
    without = {"asymmetric_gamma": [0.0, 0.0], "asymmetric_margin": 0.0}
    for targets in (present, absent):
        np.testing.assert_allclose(
            sigmoid("asymmetric", targets, **without), cross_entropy(targets), rtol=1e-5, atol=1e-6
        )


def test_an_absent_label_below_the_margin_costs_nothing_and_pulls_nowhere():
    need("tensorflow")
    import tensorflow as tf

    from soundsdk_train.losses import sigmoid_loss

    logits = tf.Variable([[-4.0, 2.0]])
    with tf.GradientTape() as tape:
        loss = sigmoid_loss(tf.zeros((1, 2)), logits, TrainSettings(loss="asymmetric"))
    assert loss.numpy()[0, 0] == 0.0
    gradient = tape.gradient(loss, logits).numpy()[0]
    assert gradient[0] == 0.0
    assert gradient[1] > 0.01


@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "asymmetric"])
@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_gradients_are_finite_at_any_logit_and_push_the_right_way(loss, margin):
    need("tensorflow")
    import tensorflow as tf

    from soundsdk_train.losses import sigmoid_loss

    settings = TrainSettings(loss=loss, focal_gamma=0.5, asymmetric_gamma=[0.5, 4.0], asymmetric_margin=margin)
    for target, sign in ((1.0, -1), (0.0, 1)):
        logits = tf.Variable([[-200.0, -30.0, -5.0, 0.0, 5.0, 30.0, 200.0]])
        with tf.GradientTape() as tape:
            value = sigmoid_loss(tf.fill((1, 7), target), logits, settings)
        gradient = tape.gradient(value, logits).numpy()
        assert np.isfinite(value.numpy()).all()
        assert np.isfinite(gradient).all()
        assert (sign * gradient >= -1e-6).all()
        assert sign * gradient[0, 3] > 1e-4


def test_softmax_focal_loss_spends_less_on_what_is_known():
    need("tensorflow")
    from soundsdk_train.losses import softmax_loss

    targets = np.eye(3, dtype=np.float32)[[0, 0]]
    logits = np.array([[4.0, 0.0, 0.0], [0.0, 1.0, 0.0]], np.float32)
    plain = softmax_loss(targets, logits, TrainSettings()).numpy()
    focal = softmax_loss(targets, logits, TrainSettings(loss="focal")).numpy()
    p = np.exp(logits[:, 0]) / np.exp(logits).sum(1)
    np.testing.assert_allclose(plain, -np.log(p), rtol=1e-5)
    np.testing.assert_allclose(focal, -((1 - p) ** 2) * np.log(p), rtol=1e-4)


def test_the_mean_counts_only_what_is_known():
    need("tensorflow")
    from soundsdk_train.losses import masked_mean

    each = np.array([[1.0, 3.0], [5.0, 7.0], [9.0, 9.0]], np.float32)
    known = np.array([[1, 1], [0, 1], [0, 0]], np.float32)
    assert masked_mean(each, known).numpy().tolist() == [2.0, 7.0, 0.0]


@pytest.mark.parametrize(
    "table",
    [
        {"train": {"loss": "hinge"}},
        {"train": {"loss": "asymmetric"}},  # the default head is softmax
        {"train": {"focal_gamma": -1.0}},
        {"train": {"asymmetric_gamma": [1.0]}},
        {"train": {"asymmetric_margin": 1.0}},
        {"train": {"quiet_db": -3.0}},
        {"teacher_file": {"sure_at": 0.0}},
        {"teacher_file": {"weight": 1.5}},
        {"teacher_file": {"combine": "mean"}},
    ],
)
def test_settings_that_no_loss_can_have_are_refused(table):
    with pytest.raises(UsageError):
        from_dict(table)
    from_dict({"model": {"head": "sigmoid"}, "train": {"loss": "asymmetric"}})


def event_loss(targets: list[list[float]], logits: np.ndarray, steps: int) -> np.ndarray:
    need("tensorflow")
    from soundsdk_train.losses import event_loss

    return event_loss(np.array(targets, np.float32), logits.astype(np.float32), steps, TrainSettings()).numpy()


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_the_loss_of_an_event_is_that_of_the_highest_mean_of_steps_in_a_row(steps):
    logits = np.random.default_rng(4).normal(0, 3, (5, 20, 2))
    targets = np.array([[1, 0], [0, 0], [0.05, 0.95], [1, 1], [0, 1]], np.float32)
    runs = np.lib.stride_tricks.sliding_window_view(logits, steps, axis=1)
    expected = cross_entropy(targets, runs.mean(-1).max(1)).mean(1)
    np.testing.assert_allclose(event_loss(targets.tolist(), logits, steps), expected, rtol=1e-4)


def test_unknown_labels_have_no_event_to_lose():
    logits = np.random.default_rng(5).normal(0, 3, (3, 10, 2))
    known = event_loss([[1, 0], [0, 1], [0, 0]], logits, 2)
    masked = event_loss([[1, -1], [-1, -1], [0, 0]], logits, 2)
    assert masked[1] == 0.0
    assert masked[2] == known[2]
    np.testing.assert_allclose(masked[0], event_loss([[1], [0], [0]], logits[..., :1], 2)[0], rtol=1e-6)


def test_one_short_false_event_costs_a_negative_as_much_as_a_lasting_one():
    quiet = np.full((1, 40, 1), -6.0)
    short, lasting = quiet.copy(), quiet + 9.0
    short[0, 10:14] = 3.0
    np.testing.assert_allclose(event_loss([[0.0]], short, 4), event_loss([[0.0]], lasting, 4), rtol=1e-6)
    # Four steps that reach no further than their mean are none; a mean over the clip would see little of either.
    short[0, 10:14, 0] = [3.0, -6.0, 3.0, -6.0]
    assert event_loss([[0.0]], short, 4)[0] < 0.5 * event_loss([[0.0]], lasting, 4)[0]
    assert cross_entropy(np.zeros(1), np.array([short.mean()]))[0] < 0.02


def test_settings_of_the_event_loss_are_checked():
    wrong = ({"train": {"event_weight": -1.0}}, {"train": {"event_ms": 0}}, {"pretrained": {"event_weight": -0.5}})
    for table in wrong:
        with pytest.raises(UsageError):
            from_dict(table)
