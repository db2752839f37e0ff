"""The options of verbs that read a folder of recordings as a training does."""

from __future__ import annotations

import click

from soundsdk_train.datasets import LAYOUTS

layout_option = click.option(
    "--layout", type=click.Choice(LAYOUTS), default="auto", show_default=True, help="Layout of the folder."
)
training_fold_option = click.option(
    "--fold",
    type=click.IntRange(0),
    metavar="N",
    help="Hold this fold out of training, and measure on it afterwards; 0: none (default: the test part, if the folder "
    "comes with one).",
)
background_option = click.option(
    "--background",
    type=click.Path(),
    multiple=True,
    metavar="DIR",
    help="Sounds that are no event, whatever the folders in it are called. May be repeated.",
)
