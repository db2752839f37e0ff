"""Models that other tools made: every verb names what they are, in one sentence, before anything is spent."""

from __future__ import annotations

from pathlib import Path

import other_models
import pytest
from training_sounds import need

from soundsdk import cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("tensorflow")
    return tmp_path_factory.mktemp("models")


@pytest.mark.parametrize("name", other_models.NETWORKS)
def test_a_model_of_another_tool_is_named_with_what_keeps_it_from_running(
    name: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = other_models.write(name, folder)
    capfd.readouterr()
    assert cli.run(["info", str(path)]) == 1
    out, err = capfd.readouterr()
    says = other_models.NETWORKS[name][2]
    assert out == ""
    assert f"{path} is no detector: it carries no soundsdk metadata (meta.missing)" in err
    assert says in err
    assert bool(says) == ("could not be run either" in err)
    assert "soundsdk train makes detectors" in err


def test_a_model_of_two_functions_is_one_sentence(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = other_models.write_two_subgraphs(folder)
    capfd.readouterr()
    assert cli.run(["info", str(path)]) == 1
    assert "must hold exactly one subgraph (model.subgraph)" in capfd.readouterr().err
    assert cli.run(["info", str(path.with_name("saved"))]) == 1
    assert "saved is a folder, not a detector" in capfd.readouterr().err
