# ruff: noqa: F821
"""Freeze the board program: it takes none of the memory that is measured."""

module("small_board.py")
