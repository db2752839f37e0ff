"""The options of a training that `train` and `crossval` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from soundsdk.commands.options import config_option, data_option
from soundsdk_train.commands.data_options import background_option, layout_option

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS: list[Callable[[Any], Any]] = [
    data_option,
    layout_option,
    background_option,
    config_option,
    click.option("--epochs", type=click.IntRange(1), metavar="N", help="Number of epochs, instead of the settings'."),
    click.option("--teacher", metavar="FILE", help="Learn from this model as well: .tflite, .onnx or SavedModel."),
    click.option(
        "--unlabelled",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="DIR",
        help="Recordings without labels, learned as the teacher hears them. May be repeated.",
    ),
    click.option(
        "--from",
        "start",
        default=None,
        metavar="MODEL",
        help="Start from the network of this detector, `none` for no one's "
        "(default: home if there are few recordings).",
    ),
    click.option(
        "--material",
        multiple=True,
        type=click.Path(exists=True, file_okay=False),
        metavar="DIR",
        help="Add a folder of labelled folders to the scenes that [scenes] makes; may be repeated.",
    ),
]


def training_options(function: _F) -> _F:
    """Add the options of what is trained, and how."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
