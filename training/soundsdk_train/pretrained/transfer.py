"""Training in two stages from a detector's network: what is new first, then all of it, gently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from soundsdk_train import training_loop
from soundsdk_train.augment import Bank
from soundsdk_train.checkpoint import Checkpoint
from soundsdk_train.pretrained.hard_negatives import with_hard_negatives
from soundsdk_train.pretrained.network import with_new_head
from soundsdk_train.pretrained.reading import DetectorNetwork
from soundsdk_train.run_settings import RunSettings
from soundsdk_train.training_loop import EpochReport, TrainedNetwork
from soundsdk_train.workers import Workers


def transfer(
    bank: Bank,
    settings: RunSettings,
    network: DetectorNetwork,
    *,
    teachers: Sequence[Any] = (),
    validation: Any = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
    seed: int = 1,
    checkpoint_of: Callable[[str], Checkpoint] | None = None,
    workers: Workers | None = None,
) -> TrainedNetwork:
    """Train a network that starts from a detector's on a bank of clips.

    First the head and the recurrent layer are trained over frozen convolutions, then all weights at a low rate.
    Normalisations stay as they were folded: a handful of recordings says too little of their statistics. Between the
    stages the negatives are scored, and those that the new head is most mistaken about come up more often in the second
    one. The event that a clip would raise counts beside its frames (losses.event_loss). checkpoint_of: returns the
    checkpoint of a stage, by its name. The other arguments are those of training_loop.fit.
    """
    chosen = settings.pretrained
    model = with_new_head(network, settings.model, bank.labels.shape[1])
    norms = [layer for layer in model.layers if layer.name.endswith("_norm")]
    convolutions = [model.get_layer(norm.name.removesuffix("_norm")) for norm in norms]
    for layer in norms:
        layer.trainable = False
    stages = (
        ("new head", chosen.head_steps, chosen.head_rate, False),
        ("fine-tuning", chosen.tuned_steps, chosen.tuned_rate, True),
    )
    losses, metrics = [], []
    trained = TrainedNetwork(model)
    for number, (stage, steps, rate, whole) in enumerate(stages):
        if steps == 0:
            continue
        for layer in convolutions:
            layer.trainable = whole
        train = replace(settings.train, learning_rate=rate, warmup_epochs=0, event_weight=chosen.event_weight)
        if whole:
            bank = with_hard_negatives(bank, model, settings)
        trained = training_loop.fit(
            bank,
            replace(settings, train=train, negatives=replace(settings.negatives, share=chosen.negatives)),
            settings.model,
            model=model,
            stage=stage,
            steps=steps,
            teachers=teachers,
            validation=validation,
            on_epoch=on_epoch,
            seed=seed + 7919 * number,
            checkpoint=checkpoint_of(stage) if checkpoint_of else None,
            workers=workers,
        )
        losses += trained.losses
        metrics += trained.metrics
        if trained.interrupted:
            break
    trained.losses, trained.metrics = losses, metrics
    return trained
