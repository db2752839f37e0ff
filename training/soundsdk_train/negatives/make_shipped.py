"""Make `shipped.neg` and its card: python -m soundsdk_train.negatives.make_shipped FOLDER ESC10.

FOLDER holds recordings and a MANIFEST.tsv with the columns part, label, path, source, original, licence and note. Used
are the labels of QUOTA of the part `train` whose licence asks for no more than to be named: public domain, CC0, CC BY,
MIT, BSD, Apache; share-alike, GPL and ODbL are not. ESC10 is the ESC-10 data set with its ATTRIBUTION.tsv, of which
folds 1 to 3 are used, under the same condition; fold 4 is there to measure on. Recordings are cut to segments of 5 s,
of which k-means keeps the most different of each kind. Speech also comes raised by 1.2 to 1.7, as children talk. Half
of the segments pass through the waveform effects that the clips to train on pass, so that these are no cue.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.recording import audio_file
from soundsdk_sim.scenes.rooms import to_pcm
from soundsdk_train.datasets import scan
from soundsdk_train.features import extract
from soundsdk_train.negatives.mixing import GENERATED_SOURCE, SHIPPED, generated_items
from soundsdk_train.negatives.packing import NegativeItem, pack
from soundsdk_train.run_settings import FrontendSettings, WaveformAugmentSettings
from soundsdk_train.waveform import augment_waveform
from soundsdk_train.waveform.speed import change_pitch
from soundsdk_train.waveform.surroundings import trimmed

SEED = 1
GENERATED = 240
MOST_BYTES = 3_500_000
RATE_HZ = 16000
SEGMENT = 5 * RATE_HZ
SHORTEST = RATE_HZ // 3
_PADDING_DB = 60.0  # quieter than the sound by more than this is silence that was added

# Segments of each kind that are kept. What `home` listens for is among them: to any other detector it is a stranger.
QUOTA = {
    "neg_speech": 80,
    "neg_kids_pitched": 62,
    "neg_beeps": 24,
    "neg_home": 70,
    "neg_machine": 3,
    "neg_misc": 26,
    "neg_doglike": 3,
    "neg_music": 40,
    "neg_nature": 40,
    "neg_street": 56,
    "neg_street_alerts": 22,
    "dog_bark": 5,
    "siren": 6,
    "fire_alarm": 3,
    "car_horn": 3,
    "gunshot": 2,
    "snoring": 3,
}
ESC10_QUOTA = {
    "dog_bark": 20,
    "baby_cry": 20,
    "person_sneeze": 12,
    "rooster": 14,
    "chainsaw": 8,
    "helicopter": 6,
    "clock_tick": 6,
    "rain": 4,
    "sea_waves": 4,
    "fire_crackling": 4,
}
ESC10_FOLDS = (1, 2, 3)
ESC10_SOURCE = "ESC-10 (K. J. Piczak, doi 10.1145/2733373.2806390), recordings of freesound.org"
ESC10_LICENCES = {"CC0": "CC0", "CC-BY": "CC BY 3.0"}  # of the clips; others are not used
# Words in a label that make a whole kind unfit, beside the words in the name of the recording.
WORDS = {
    "neg_speech": "speech voice human people talk talking word",
    "neg_kids_pitched": "speech voice human people talk talking child children kid",
    "neg_beeps": "beep beeper buzzer",
    "neg_home": "",
    "neg_machine": "machine engine motor",
    "neg_misc": "",
    "neg_doglike": "dog bark wolf howl",
    "neg_music": "music song melody instrument",
    "neg_nature": "",
    "neg_street": "street traffic car vehicle engine",
    "neg_street_alerts": "street traffic car vehicle engine horn honk siren beep reverse",
    "dog_bark": "dog bark barking puppy howl animal",
    "siren": "siren ambulance police emergency fire burglar",
    "fire_alarm": "fire smoke siren beep detector",
    "car_horn": "horn honk car vehicle",
    "gunshot": "gun shot gunshot bang explosion firework",
    "snoring": "snore snoring breath breathing",
    "baby_cry": "baby cry crying infant child scream",
    "person_sneeze": "sneeze sneezing cough nose person human",
    "rooster": "rooster cock crow crowing chicken hen bird animal",
    "chainsaw": "chainsaw saw engine motor tool machine",
    "helicopter": "helicopter aircraft plane engine drone",
    "clock_tick": "clock tick ticking",
    "rain": "rain water",
    "sea_waves": "sea wave ocean water",
    "fire_crackling": "fire crackling campfire",
}
NOTES = {"maybe_siren": "siren", "maybe_smoke_alarm": "smoke fire", "maybe_dog_bark": "dog bark"}
MORE_WORDS = {"alert": "horn siren", "human": "voice speech people", "campfire": "fire crackling", "hen": "chicken"}
FREE = re.compile(r"public domain|CC0|CC BY \d|MIT|BSD|Apache")
NOT_FREE = re.compile(r"SA|GPL|NC|Artistic")


@dataclass
class Segment:
    """Segment of up to 5 s of one recording, int16 at 16 kHz."""

    pcm: NDArray[np.int16]
    kind: str
    row: dict[str, str]


def main() -> None:
    """Write the file and the card beside this module."""
    parser = argparse.ArgumentParser(description="Make the shipped negatives from a folder of recordings.")
    parser.add_argument("folder", type=Path, help="folder with MANIFEST.tsv")
    parser.add_argument("esc10", type=Path, help="ESC-10 with ATTRIBUTION.tsv")
    given = parser.parse_args()
    frontend = FrontendSettings()
    kept: list[Segment] = []
    for kind, quota in QUOTA.items():
        kept += diverse(segments(given.folder, kind), quota, frontend)
    for kind, quota in ESC10_QUOTA.items():
        kept += diverse(esc10_segments(given.esc10, kind), quota, frontend)
    items = [item_of(segment, number, frontend) for number, segment in enumerate(kept)]
    items += generated_items(frontend, GENERATED, SEED)
    data = pack(items, frontend)
    if len(data) > MOST_BYTES:
        raise SystemExit(f"{len(data):,} bytes are more than {MOST_BYTES:,}: lower the quotas.")
    SHIPPED.write_bytes(data)
    SHIPPED.with_name("CARD.md").write_text(card(items, len(data)), encoding="utf-8")
    seconds = sum(len(item.features) for item in items) * frontend.hop / frontend.rate_hz
    print(f"{SHIPPED}: {len(items)} items, {seconds / 60:.1f} min, {len(data):,} bytes")


def segments(folder: Path, kind: str) -> list[Segment]:
    """Cut the usable recordings of a kind; identical and silent segments are dropped."""
    label = "neg_speech" if kind == "neg_kids_pitched" else kind
    with (folder / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t") if r["part"] == "train" and r["label"] == label]
    out, seen = [], set()
    for row in rows:
        if not FREE.search(row["licence"]) or NOT_FREE.search(row["licence"]):
            continue
        pcm = audio_file.read(folder / row["path"], RATE_HZ)
        for start in range(0, max(1, len(pcm) - SHORTEST), SEGMENT):
            part = pcm[start : start + SEGMENT]
            if len(part) < SHORTEST or np.abs(part.astype(np.int32)).max() < 50 or part.tobytes() in seen:
                continue
            seen.add(part.tobytes())
            out.append(Segment(part, kind, row))
    return out


def esc10_segments(folder: Path, label: str) -> list[Segment]:
    """Return the usable clips of a class of ESC-10, without the silence that fills them up to 5 s."""
    with (folder / "ATTRIBUTION.tsv").open(encoding="utf-8", newline="") as file:
        clips = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    out = []
    for recording in scan(folder).recordings:
        about = clips[recording.path.name]
        if recording.label != label or recording.fold not in ESC10_FOLDS or about["license"] not in ESC10_LICENCES:
            continue
        pcm = audio_file.read(recording.path, RATE_HZ)
        sound = trimmed(pcm.astype(np.float32), _PADDING_DB)[:SEGMENT].astype(np.int16)
        original = f"{recording.path.name}: {about['title']} by {about['author']}"
        licence = ESC10_LICENCES[about["license"]]
        row = {"source": ESC10_SOURCE, "original": original, "licence": licence, "note": "", "named": ""}
        out.append(Segment(sound, label, row))
    return out


def diverse(candidates: Sequence[Segment], count: int, frontend: FrontendSettings) -> list[Segment]:
    """Return the segments nearest to the centres of count clusters of how they sound."""
    if len(candidates) <= count:
        return list(candidates)
    from sklearn.cluster import KMeans

    points = np.array([summary(extract(s.pcm, frontend)) for s in candidates])
    points = (points - points.mean(0)) / (points.std(0) + 1e-6)
    means = KMeans(count, n_init=4, random_state=SEED).fit(points)
    distance = means.transform(points)
    chosen = {int(np.argmin(np.where(means.labels_ == c, distance[:, c], np.inf))) for c in range(count)}
    return [candidates[i] for i in sorted(chosen)]


def summary(features: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the mean, the spread and the modulation of each band: what two segments are compared by."""
    x = features.astype(np.float64)
    level = x.mean()
    moves = np.abs(np.diff(x, axis=0)) if len(x) > 1 else np.zeros_like(x)
    slow = np.abs(np.fft.rfft(x.mean(1) - level, 512))[1:64].reshape(21, 3).mean(1)
    return np.concatenate([[level], x.mean(0) - level, x.std(0), moves.mean(0), np.log1p(slow)])


def item_of(segment: Segment, number: int, frontend: FrontendSettings) -> NegativeItem:
    """Return a segment as features, with the words that exclude it; children's voices are pitched up here."""
    rng = np.random.default_rng([SEED, number])
    x = segment.pcm.astype(np.float32) / np.float32(32768.0)
    original = segment.row["original"]
    if segment.kind == "neg_kids_pitched":
        factor = float(rng.uniform(1.2, 1.7))
        x = change_pitch(x, factor)
        original += f", pitched x{factor:.2f}"
    if rng.uniform() < 0.5:
        x = augment_waveform(rng, x, WaveformAugmentSettings(placed=0.5, lead_s=[0.1, 1.5], tail_s=0.5)).samples
        x = x[: int(1.3 * SEGMENT)]
    words = WORDS[segment.kind].split() + name_words(segment.row)
    features = extract(to_pcm(x.astype(np.float64)), frontend)
    row = segment.row
    return NegativeItem(features, segment.kind, sorted(set(words)), row["source"], original, row["licence"])


def name_words(row: dict[str, str]) -> list[str]:
    """Return what the names of the original file, its folder and its notes say that it holds."""
    words: list[str] = []
    # A title that somebody gave says less than the class.
    for path in row.get("named", row["original"]).lower().removeprefix("concat: ").split(" | "):
        folder_and_file = "/".join(path.split("/")[-2:])
        annotation = path.split("[")[1] if "[" in path else ""
        words += re.findall(r"[a-z]{3,}", folder_and_file.rsplit(".", 1)[0] + annotation)
    for key, more in MORE_WORDS.items():
        if key in words:
            words += more.split()
    for note, more in NOTES.items():
        if note in row["note"]:
            words += more.split()
    hashes = re.compile(r"^[a-f]+$")  # pieces of hexadecimal names
    return [word for word in words if not hashes.match(word) and word not in ("sounds", "audio", "samples", "sample")]


def card(items: Sequence[NegativeItem], size: int) -> str:
    """Return the card: totals by kind, sources with their licences, and every item."""
    kinds: dict[str, list[int]] = {}
    sources: dict[tuple[str, str], int] = {}
    for item in items:
        group = kinds.setdefault("generated" if item.source == GENERATED_SOURCE else item.kind, [0, 0])
        group[0] += 1
        group[1] += len(item.features)
        sources[item.source, item.licence] = sources.get((item.source, item.licence), 0) + 1
    lines = [
        "# The shipped negatives",
        "",
        f"`shipped.neg`, {size:,} bytes: {len(items)} items as log-mel features of the default frontend, in",
        "steps of 1.6 dB and without phase: no audio. Made by `python -m soundsdk_train.negatives.make_shipped`. They",
        "are mixed into trainings as sounds that are none of the labels; items whose words occur in a label are left",
        "out. Those of ESC-10 are of its folds 1 to 3.",
        "",
        "| kind | items | minutes |",
        "|---|---|---|",
        *(f"| {kind} | {n} | {frames * 0.016 / 60:.1f} |" for kind, (n, frames) in sorted(kinds.items())),
        "",
        "| source | licence | items |",
        "|---|---|---|",
        *(f"| {source} | {licence} | {n} |" for (source, licence), n in sorted(sources.items())),
        "",
        "## Items",
        "",
        "Recordings, by kind and source; the licence is that of the source above.",
        "",
    ]
    groups: dict[tuple[str, str], list[str]] = {}
    for item in items:
        if item.source != GENERATED_SOURCE:
            groups.setdefault((item.kind, item.source), []).append(item.original)
    for (kind, source), originals in sorted(groups.items()):
        counted = sorted(Counter(originals).items())
        lines += [f"**{kind}, {source}:** " + "; ".join(f"{name} ({n})" if n > 1 else name for name, n in counted), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
