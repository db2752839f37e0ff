"""The same sound, or the same features, through the core on this computer: every byte is to be the board's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundfw.detect.detector import from_stream
from soundsdk.detector_file import DetectorFile
from soundsdk.models.feature_model import FeatureModel
from soundsdk.selftest.context import SelfTest
from soundsdk.selftest.outcome import NotPossible, Observed
from soundsdk.selftest.records import Restarted

_FEWEST = 3  # steps, for a comparison that says something


@dataclass
class Comparison:
    """Steps compared, those of them that are equal to the byte, and the first that is not (its end in samples)."""

    steps: int = 0
    equal: int = 0
    first_wrong: int = -1

    def add(self, t: int, equal: bool) -> None:
        """Count one step, which ends at sample t."""
        self.steps += 1
        self.equal += equal
        if not equal and self.first_wrong < 0:
            self.first_wrong = t


def host_steps(detector: DetectorFile, pcm: NDArray[np.int16], at: int) -> Iterator[tuple[int, bytes, tuple[int, ...]]]:
    """Yield (end in samples, features, scores in 1/1000) of each step of a new start that hears pcm from sample at."""
    import soundcore

    stream = soundcore.Stream(detector.data)
    decider = from_stream(stream, detector.metadata)
    done = 0
    while done < len(pcm):
        done += int(stream.feed(pcm.data, done))
        if stream.stepped:
            decider.step(stream.scores, stream.attention, at + done)
            yield at + done, bytes(stream.features), tuple(decider.scores)


def scores_of_features(detector: DetectorFile, features: list[bytes]) -> Iterator[tuple[int, ...]]:
    """Yield the scores, in 1/1000, of each step of a new start whose features are given."""
    import soundcore

    # What decides takes from a stream all but its scores.
    decider = from_stream(soundcore.Stream(detector.data), detector.metadata)
    logits, attention = FeatureModel(detector.data, detector.metadata).run(
        np.frombuffer(b"".join(features), np.int8).reshape(len(features), -1)
    )
    for number, (values, weights) in enumerate(zip(logits.tolist(), attention.tolist(), strict=True), 1):
        decider.step(values, weights, number * detector.step_samples)
        yield tuple(decider.scores)


def compare(detector: DetectorFile, heard: Restarted) -> tuple[Comparison, Comparison]:
    """Compare a start with this computer's: (features, scores).

    Scores depend on all that was heard before, so they are compared if the sound, or the features, are there from the
    first step on; features are compared in every piece of sound.
    """
    features, scores = Comparison(), Comparison()
    if heard.at == 0 and heard.whole:
        for t, data, values in host_steps(detector, heard.pieces[0].pcm, 0):
            if t in heard.features:
                features.add(t, heard.features[t] == data)
            if t in heard.scores:
                scores.add(t, heard.scores[t] == values[: len(heard.scores[t])])
        return features, scores
    for piece in heard.pieces:
        for t in sorted(heard.features):
            # A step's features need its own sound and the rest of a window before it.
            first = t - _first_step(detector)
            if piece.at <= first and t <= piece.end:
                cut = np.ascontiguousarray(piece.pcm[first - piece.at : t - piece.at])
                features.add(t, next(host_steps(detector, cut, first))[1] == heard.features[t])
    ends = sorted(heard.features)
    step = detector.step_samples
    if ends and ends[0] == _first_step(detector) and all(b - a == step for a, b in itertools.pairwise(ends)):
        for t, values in zip(ends, scores_of_features(detector, [heard.features[t] for t in ends]), strict=True):
            if t in heard.scores:
                scores.add(t, heard.scores[t] == values[: len(heard.scores[t])])
    return features, scores


def is_comparable(detector: DetectorFile | None, heard: Restarted | None) -> bool:
    """Return whether a start was heard from its beginning, so that its scores can be compared."""
    return detector is not None and heard is not None and compare(detector, heard)[1].steps >= _FEWEST


def _first_step(detector: DetectorFile) -> int:
    """Return the samples up to the end of a start's first step: it waits for the first whole window."""
    frontend = detector.metadata["frontend"]
    return int(detector.step_samples + frontend["window"] - frontend["hop"])


def _compared(test: SelfTest) -> tuple[Comparison, Comparison]:
    test.found()
    if test.detector is None:
        raise NotPossible("this computer does not have the board's detector: name its file with -m")
    if test.restarted is None:
        raise NotPossible("no restart was heard from its beginning")
    return compare(test.detector, test.restarted)


def _observed(test: SelfTest, what: str, found: Comparison, why: str) -> Observed:
    if found.steps < _FEWEST:
        raise NotPossible(why)
    says = f"{what} of {found.equal} of {found.steps} steps are equal to the byte"
    if found.first_wrong >= 0:
        says += f"; the first that is not ends at sample {found.first_wrong}"
    facts = {"first_wrong_at": found.first_wrong} if found.first_wrong >= 0 else {}
    return Observed(found.equal == found.steps, says, found.equal, "steps", f"all {found.steps}", facts)


def check_features(test: SelfTest) -> Observed:
    """Compare the features of the board with this computer's, of the same sound."""
    features, _ = _compared(test)
    return _observed(test, "the features", features, "the line is too slow for 16-bit sound: no step came whole")


def check_scores(test: SelfTest) -> Observed:
    """Compare the scores of the board with this computer's, from the same first sample on."""
    _, scores = _compared(test)
    return _observed(test, "the scores", scores, "neither the sound nor the features of the first step have arrived")
