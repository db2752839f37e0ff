"""Losses of the labels: cross-entropy, two that spend less on what is easy, and that of the event of a clip.

Focal loss (Lin et al. 2017, arXiv 1708.02002) multiplies the cross-entropy by |y - p|^gamma, which for y = 0 or 1 is
its (1 - p_t)^gamma; between 0 and 1 it is the quality focal loss of Li et al. 2020 (arXiv 2006.04388). The asymmetric
loss (Ridnik et al. 2021, arXiv 2009.14119) has a gamma each for what is present and absent, and takes a margin off
the probability of what is absent, so that the many easy negatives count nothing.
"""

from __future__ import annotations

from typing import Any

from soundsdk_train.run_settings import TrainSettings


def softmax_loss(targets: Any, logits: Any, settings: TrainSettings) -> Any:
    """Return the loss of each example (batch,) from distributions over the classes (batch, classes)."""
    import tensorflow as tf

    if settings.loss == "focal":
        away = _power(tf.abs(targets - tf.nn.softmax(logits)), settings.focal_gamma)
        return tf.reduce_sum(-targets * tf.nn.log_softmax(logits) * away, axis=-1)
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def sigmoid_loss(targets: Any, logits: Any, settings: TrainSettings) -> Any:
    """Return the loss of each independent label, in the shape of targets (..., classes), which are 0..1."""
    import tensorflow as tf

    if settings.loss == "cross_entropy":
        return tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
    if settings.loss == "focal":
        away = tf.abs(targets - tf.sigmoid(logits))
        return _power(away, settings.focal_gamma) * tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
    present = tf.sigmoid(logits)
    # 1 - p, computed so that it keeps its digits near 0; the margin moves all below it to no loss.
    absent = tf.minimum(tf.sigmoid(-logits) + settings.asymmetric_margin, 1.0)
    positive = -tf.math.log_sigmoid(logits) * _power(1.0 - present, settings.asymmetric_gamma[0])
    negative = -tf.math.log(absent) if settings.asymmetric_margin else tf.nn.softplus(logits)
    negative *= _power(1.0 - absent, settings.asymmetric_gamma[1])
    return targets * positive + (1.0 - targets) * negative


def event_loss(targets: Any, logits: Any, steps: int, settings: TrainSettings) -> Any:
    """Return per clip (batch,) the loss of the event that it would raise: of its highest mean of steps in a row.

    targets: (batch, classes), negative where unknown; logits: (batch, steps, classes). A detector fires where scores
    stay high for a while, wherever in the sound: a mean over all steps forgives a negative its one mistake, and asks a
    short sound to be heard throughout.
    """
    import tensorflow as tf

    known = tf.cast(targets >= 0.0, tf.float32)
    loudest = tf.reduce_max(tf.nn.avg_pool1d(logits, min(steps, logits.shape[1] or steps), 1, "VALID"), axis=1)
    return masked_mean(sigmoid_loss(targets, loudest, settings), known)


def masked_mean(each: Any, known: Any) -> Any:
    """Return per example the mean of a loss (batch, ...) where it is known (1, else 0); 0 where nothing is."""
    import tensorflow as tf

    axes = list(range(1, len(each.shape)))
    return tf.reduce_sum(each * known, axis=axes) / tf.maximum(1.0, tf.reduce_sum(known, axis=axes))


def _power(base: Any, exponent: float) -> Any:
    """Return base ** exponent for base >= 0, with a gradient of 0 rather than infinity at base 0."""
    import tensorflow as tf

    if exponent == 0.0:
        return tf.ones_like(base)
    return tf.pow(tf.maximum(base, 1e-7), exponent)
