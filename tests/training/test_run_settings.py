"""Settings from TOML: every mistake is one sentence."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from soundsdk import cli
from soundsdk.errors import UsageError
from soundsdk.resources import configs_dir
from soundsdk_train import crnn, run_settings, setting_ranges


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


def numbers() -> list[tuple[str, str, float, float]]:
    """Return table, key and range of every number among the settings that has a range of its own."""
    return [(t, k, *r) for t, keys in setting_ranges.RANGES.items() for k, r in keys.items()]


def test_every_number_of_the_settings_has_a_range() -> None:
    def names(holder: object, prefix: str) -> Iterator[str]:
        for one in dataclasses.fields(holder):  # type: ignore[arg-type]
            value = getattr(holder, one.name)
            if dataclasses.is_dataclass(value):
                yield from names(value, f"{one.name}.")
            elif not isinstance(value, (str, bool)) and "str" not in str(one.type):
                yield prefix + one.name

    known = {f"{table}.{key}".lstrip(".") for table, key, _, _ in numbers()}
    all_of_them = set(names(run_settings.RunSettings(), ""))
    frontend = {name for name in all_of_them if name.startswith("frontend.")}
    assert len(frontend) == 10, "soundcore itself checks these"
    assert all_of_them - frontend == known - {"scenes.front"}


@pytest.mark.parametrize(("table", "key", "low", "high"), numbers())
def test_a_number_outside_its_range_is_refused_with_the_range(table: str, key: str, low: float, high: float) -> None:
    def put(number: float) -> run_settings.RunSettings:
        settings = run_settings.RunSettings()
        holder = getattr(settings, table) if table else settings
        value = getattr(holder, key)
        if key == "front":
            value["speech"] = number
        elif isinstance(value, list):
            (value[0] if isinstance(value[0], list) else value)[0] = number
        else:
            setattr(holder, key, number)
        return settings

    for wrong in (low - 1, high + 1, math.nan, math.inf, -math.inf):
        with pytest.raises(UsageError) as caught:
            run_settings.check_settings(put(wrong))
        assert f"{table}.{key}".lstrip(".") in caught.value.message
        assert f"{low:.10g} to {high:.10g}" in caught.value.hint
        assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[frontend]\nhop = 0\n", r"hop must be 64\.\.1024 samples .*frontend\.hop"),
        ("[frontend]\nhop = -256\n", r"frontend"),
        ("[frontend]\nhop = 9999999999999\n", r"frontend"),
        ("[frontend]\nbands = 0\n", r"frontend\.bands"),
        ("[frontend]\nfft = 1000\n", r"frontend\.fft"),
        ("[frontend]\nhigh_hz = 9000\n", r"frontend\.range"),
        ("[train]\nepochs = 0\n", r"train\.epochs is 0\. Use 1 to"),
        ("[train]\nbatch = 0\n", r"train\.batch is 0\. Use 1 to 65536"),
        ("[train]\nlearning_rate = nan\n", r"train\.learning_rate is nan\. Use 1e-08 to 1"),
        ("[train]\nlearning_rate = 30.0\n", r"train\.learning_rate is 30\.0\. Use 1e-08 to 1"),
        ("[train]\nlearning_rate = 1000.0\n", r"train\.learning_rate is 1000\.0"),
        ("[train]\nlearning_rate = -0.001\n", r"train\.learning_rate is -0\.001"),
        ("[train]\nwindow_frames = 0\n", r"train\.window_frames is 0\. Use 1 to"),
        ("[train]\nwindow_frames = 4\n", r"not a multiple of the model's hop, 8 frames\. Use 8\."),
        ("[train]\nepoches = 3\n", r"unknown key train\.epoches\. Did you mean epochs\?"),
        ("[detector]\non = 300\noff = 400\n", r"detector\.off is 400, above detector\.on, 300"),
        ("[augment]\nnoise_db = [-55.0, -95.0]\n", "goes from -55 to -95. Write the lower number first"),
        ("[augment]\nnoise_db = []\n", "holds 0 numbers, not 2"),
        ("[model]\nblocks = []\n", "lists filters, time stride and band stride"),
        ("[model]\nblocks = [[8, 2]]\n", "lists filters, time stride and band stride"),
        ("[model]\nstem_stride = [0, 2]\n", r"model\.stem_stride is 0"),
        ("[model]\nstem_kernel = [5]\n", "holds 1 numbers, not 2"),
        ("[scenes]\ncount = 3\nlabels = []\n", r"0 labels and scenes\.weights 4 numbers"),
        ("[scenes]\ncount = 3\nlabels = ['a', 'b']\n", "Give one weight for each label"),
        ("[scenes]\ncount = 3\nweights = [0, 0, 0, 0]\n", "no event would be drawn"),
        ("[scenes]\ncount = 3\nlabels = ['a', 'a']\nweights = [1, 1]\n", "twice there"),
        (f"name = '{'é' * 33}'\n", "has 66 bytes, and a board takes 64"),
    ],
)
def test_numbers_that_no_training_can_use_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    assert re.search(reason, f"{caught.value.message} {caught.value.hint}")


def test_what_is_wrong_with_a_call_is_found_before_a_recording_is_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The folder of recordings does not exist, so whatever is read first would be that."""
    config = tmp_path / "wide.toml"
    config.write_text(f"[model]\nblocks = {[[1024, 1, 1]] * 8}\n")
    nobody = ["train", "--data", str(tmp_path / "nothing")]
    good = ["-o", str(tmp_path / "m.tflite")]
    for words, code, says in (
        ([*nobody, *good, "--workers", "one:4700,two:4700"], 2, "--workers needs --worker"),
        ([*nobody, *good, "--worker", "0"], 2, "--worker goes with --workers"),
        ([*nobody, *good, "--epochs", "0"], 2, "0 is not in the range x>=1"),
        ([*nobody, *good, "--seed", "-1"], 2, "-1 is not in the range"),
        ([*nobody, *good, "--name", "n" * 65], 2, "has 65 bytes, and a board takes 64"),
        ([*nobody, *good, "--config", str(config)], 2, "more than any board can"),
        ([*nobody, "-o", str(tmp_path / ("n" * 65 + ".tflite"))], 2, "Give a shorter one with --name"),
        ([*nobody, "-o", str(tmp_path / ("n" * 240 + ".tflite")), "--name", "n"], 1, "File name too long"),
        ([*nobody, "-o", str(config / "m.tflite")], 1, "cannot be written: Not a directory"),
        ([*nobody, "-o", str(config / "missing" / "m.tflite")], 1, "cannot be written: Not a directory"),
        ([*nobody, "-o", str(tmp_path / "m.onnx")], 2, "does not end in .tflite"),
        ([*nobody, *good], 1, "nothing"),
    ):
        assert cli.run(words) == code, words
        assert says in capfd.readouterr().err, words


def test_negatives_that_match_nothing_are_refused(folders: Path, tmp_path: Path) -> None:
    from soundsdk_train.datasets import scan
    from soundsdk_train.preparation import check_classes

    settings = load(tmp_path, "[data]\nnegatives = ['nose']\n")
    with pytest.raises(UsageError, match="names nose, and the recordings have no such class") as caught:
        check_classes(scan(folders), settings)
    assert caught.value.hint.startswith("Did you mean noise? They have ")
    check_classes(scan(folders), load(tmp_path, "[data]\nnegatives = ['noise']\n"))


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
    assert "esc10, home, home_tiny, knock_doorbell" in caught.value.hint
    with pytest.raises(UsageError, match="cannot be read"):
        run_settings.read_settings(tmp_path / "home")


def test_a_file_is_laid_over_those_that_it_builds_on(tmp_path: Path) -> None:
    (tmp_path / "low.toml").write_text(
        "seed = 4\n[train]\nepochs = 9\nbatch = 8\n[model]\nblocks = [[8, 2, 2], [8, 2, 1]]\n"
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mid.toml").write_text('base = "../low.toml"\n[train]\nbatch = 16\n')
    (tmp_path / "mine" / "x.toml").write_text('base = "mid.toml"\nname = "x"\n[model]\nblocks = [[4, 2, 2]]\n')
    loaded = run_settings.read_settings(tmp_path / "mine" / "x.toml")
    assert (loaded.name, loaded.seed, loaded.train.epochs, loaded.train.batch) == ("x", 4, 9, 16)
    assert loaded.model.blocks == [[4, 2, 2]]  # a list is replaced


def test_a_file_may_begin_with_the_mark_that_some_editors_write(tmp_path: Path) -> None:
    assert load(tmp_path, '\ufeffbase = "home"\r\nname = "x"\r\n').name == "x"


def test_a_file_may_build_on_settings_that_come_with_soundsdk(tmp_path: Path) -> None:
    loaded = load(tmp_path, 'base = "home"\n[model]\ngru_units = 24\n')
    home = run_settings.read_settings("home")
    assert (loaded.model.gru_units, loaded.model.blocks, loaded.scenes) == (24, home.model.blocks, home.scenes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('base = "x.toml"\n', "builds on more than 8 files"),
        ("base = 3\n", "base must be a name or a path"),
        ('base = ""\n', "base must be a name or a path"),
        ('base = "hom"\n', "there are no settings hom"),
        ('base = "none.toml"\n', "none.toml cannot be read"),
        ('[train]\nbase = "home"\n', r"unknown key train\.base"),
        ('base = "."\n', "cannot be read: Is a directory"),
        ('base = "/dev/zero"\n', "cannot be read: it is larger than"),
        ('base = "a\\u0000.toml"\n', "cannot be read: embedded null"),
        ("x = " + 5000 * "[" + 5000 * "]", "nested too deeply"),
        ("seed = " + 5000 * "9", "a number in it has too many digits"),
    ],
)
def test_a_base_that_cannot_be_is_refused_with_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        load(tmp_path, text)
