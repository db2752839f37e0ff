"""Settings from TOML: every mistake is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from soundsdk.errors import UsageError
from soundsdk.resources import configs_dir
from soundsdk_train import crnn, run_settings


def load(tmp_path: Path, text: str) -> run_settings.RunSettings:
    path = tmp_path / "x.toml"
    path.write_text(text)
    return run_settings.read_settings(path)


def test_values_replace_defaults_and_integers_become_floats(tmp_path: Path) -> None:
    loaded = load(tmp_path, "seed = 7\n[train]\nepochs = 12\nlearning_rate = 1\n[augment]\nnoise_db = [-80, -60.5]\n")
    assert (loaded.seed, loaded.train.epochs, loaded.train.learning_rate) == (7, 12, 1.0)
    assert loaded.augment.noise_db == [-80.0, -60.5]
    assert loaded.frontend == run_settings.FrontendSettings()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[train]\nepoch = 1\n", r"unknown key train\.epoch"),
        ("train = 3\n", "is a table"),
        ("[train]\nepochs = 'many'\n", "must be of type int"),
        ("[train]\nepochs = true\n", "must be of type int"),
        ("[augment]\nnoise_db = 3\n", "must be a list"),
        ("[model]\nhead = 'relu'\n", r"model\.head"),
        ("[model]\nblocks = [[8, 2, 1]]\n", "different strides"),
        ("[train]\nwindow_frames = 10\n", "multiple of the model's hop"),
        ("[train\n", "not valid TOML"),
    ],
)
def test_mistakes_are_refused_with_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        load(tmp_path, text)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        run_settings.read_settings(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "training" / "configs").glob("*.toml")), ids=lambda p: p.stem
)
def test_every_config_loads_and_its_model_fits_a_small_board(path: Path) -> None:
    chosen = run_settings.read_settings(path)
    cost = crnn.cost(chosen.model, chosen.frontend.width, 10, chosen.frontend.rate_hz / chosen.frontend.hop)
    assert cost["parameters"] <= 60_000
    assert cost["macs_per_second"] <= 1_300_000


@pytest.mark.parametrize("name", sorted(path.stem for path in configs_dir().glob("*.toml")))
def test_settings_that_come_with_soundsdk_are_found_by_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = run_settings.read_settings(name)
    assert known == run_settings.read_settings(configs_dir() / f"{name}.toml")
    assert known.name == name
    (tmp_path / name).write_text('name = "mine"\n')  # a file here that is called so
    assert run_settings.read_settings(name).name == "mine"


def test_a_name_that_no_settings_have_is_an_error_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no settings hom") as caught:
        run_settings.read_settings("hom")
    assert "esc10, home, knock_doorbell" in caught.value.hint
    with pytest.raises(UsageError, match="cannot be read"):
        run_settings.read_settings(tmp_path / "home")
