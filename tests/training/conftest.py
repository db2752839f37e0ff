"""One small detector, trained once for all tests of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training_sounds import need, quick_settings, write_folders


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folders(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="session")
def trained(folders: Path) -> Any:
    """Detector made from the folders with fold 1 held out, and the clips it was tested on."""
    need("tensorflow")
    from soundsdk_train import datasets, training_run
    from soundsdk_train.preparation import load_split

    settings = quick_settings()
    train, test, labels = load_split(datasets.scan(folders), 1, settings)
    return training_run.train_detector(train, test, labels, settings, test_fold=1), test
