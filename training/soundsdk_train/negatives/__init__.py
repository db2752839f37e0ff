"""Negatives: sounds of the world that are none of a user's labels, mixed into every training.

`shipped.neg` holds them as features of the default frontend, never as audio; CARD.md lists where each comes from.
"""

from __future__ import annotations

from soundsdk_train.negatives.mixing import ChosenNegatives, negatives_for

__all__ = ["ChosenNegatives", "negatives_for"]
