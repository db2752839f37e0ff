"""One process of those that train together, for test_workers: training_worker.py ADDRESSES NUMBER OUT.npz."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from training_sounds import quick_settings

from soundsdk.errors import UsageError
from soundsdk_train.checkpoint import CheckpointFiles


def train(workers: Any, folder: Path, number: int = 0, epochs: int = 4) -> Any:
    """Train a small network with all that is summed over a batch: moments, losses in time, dropout, mixed clips."""
    from soundsdk_train import augment, tf_runtime, training_loop

    rng = np.random.default_rng(0)
    clips = [rng.integers(-128, 128, (60, 40)).astype(np.int8) for _ in range(24)]
    labels = np.eye(2, dtype=np.float32)[[0, 1] * 12]
    strong = [rng.integers(0, 2, (60, 2)).astype(np.uint8) if i % 3 else None for i in range(24)]
    model = {"dropout": 0.3, "stem_filters": 16, "head": "sigmoid"}  # 16: channels with another form of the layer
    settings = quick_settings(train={"epochs": epochs, "label_smoothing": 0.05}, model=model)
    # The seed of the first weights is not the same, so that worker 0's have to be used.
    tf_runtime.seed_everything(1 + number)
    return training_loop.fit(
        augment.Bank(clips, labels, strong),
        settings,
        settings.model,
        validation=(clips[:6], labels[:6]),
        seed=3,
        checkpoint=CheckpointFiles(folder / f"{number}.tflite").of("train", "the same run"),
        workers=workers,
    )


def main() -> None:
    """Meet the others, disagree, agree, and train."""
    from soundsdk_train.workers import Workers

    addresses, number, out = sys.argv[1].split(","), int(sys.argv[2]), Path(sys.argv[3])
    refused = []
    with Workers(addresses, number, meet_s=60).together() as workers:
        try:
            workers.agree(f"data of {number}")
        except UsageError as error:
            refused.append(error.message)
        workers.agree("the same data")
        shared = workers.share(bytes(range(256)) * 300 if number == 0 else b"other")
        trained = train(workers, out.parent, number)
    weights = {str(i): w for i, w in enumerate(trained.model.get_weights())}
    about = {"refused": refused, "losses": trained.losses, "metrics": trained.metrics, "shared": len(set(shared))}
    np.savez(out, about=json.dumps({**about, "length": len(shared)}), **weights)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
