"""Makes material: music by FluidSynth, speech by eSpeak NG, and barks, as folders that `train --material` accepts.

    python -m soundsdk_train.mixtures.synthetic DIR

Needs fluidsynth with a General MIDI soundfont (FluidR3, MIT licence) and espeak-ng; both run as separate programs, and
what they make carries no licence of theirs. Same seed and versions, same files. About half of the barks are heard as a
dog by YAMNet: `train --teacher` leaves the others out.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError, ToolError
from soundsdk.recording import audio_file
from soundsdk_sim.scenes import rooms
from soundsdk_sim.scenes.dsp import RATE_HZ, from_db, loudest, noise
from soundsdk_train.mixtures.barks import barking
from soundsdk_train.mixtures.material import MANIFEST
from soundsdk_train.mixtures.midi import Message, midi_file, song

SONG_S, GAP_S = 8.0, 1.0
LANGUAGES = (
    "en en-us en-gb-scotland de fr-fr es it pt-br ru pl nl sv fi tr hi cmn ja ko el cs hu ro id vi sw da nb ar fa"
)
VARIANTS = ("", "+m1", "+m3", "+m7", "+f1", "+f2", "+f3", "+f4", "+f5", "+croak", "+klatt2")
WORDS = (
    "hello look there come here wait stop mama papa no yes give me that mine ball play with run catch you go away why "
    "not the dog is big what did she say today tomorrow we are going home now please one two three four five six seven "
    "hey wow oh look at up down jump again more water milk bread light house car tree and then i said never mind"
)
_PROGRAM_TIMEOUT_S = 600


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--songs", default=260, show_default=True, help="Number of songs of 8 s.")
@click.option("--phrases", default=260, show_default=True, help="Number of spoken phrases.")
@click.option("--barks", default=900, show_default=True, help="Number of barking dogs, 1.5 to 5 s each.")
@click.option("--soundfont", type=click.Path(path_type=Path), default=Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"))
@click.option("--seed", default=77, show_default=True, help="Seed of all that is drawn.")
def main(folder: Path, songs: int, phrases: int, barks: int, soundfont: Path, seed: int) -> None:
    """Make FOLDER/neg_synthetic_music, FOLDER/neg_synthetic_speech and FOLDER/dog_bark, 16 kHz FLAC files.

    The barks are one group in FOLDER/MANIFEST.tsv, so that they do not crowd out those of real dogs.
    """
    for program in ("fluidsynth", "espeak-ng"):
        if shutil.which(program) is None:
            raise ToolError(f"the program {program} is not installed.", "Install fluidsynth and espeak-ng.")
    if not soundfont.is_file():
        raise ToolError(f"there is no soundfont {soundfont}.", "Install fluid-soundfont-gm, or give --soundfont.")
    rng = np.random.default_rng(seed)
    write_clips(folder / "neg_synthetic_music", music(rng, songs, soundfont))
    write_clips(folder / "neg_synthetic_speech", speech(rng, phrases))
    written = write_clips(folder / "dog_bark", dogs(np.random.default_rng(seed), barks))
    with (folder / MANIFEST).open("w", newline="", encoding="utf-8") as f:
        rows = csv.writer(f, delimiter="\t", lineterminator="\n")
        rows.writerow(("path", "group"))
        rows.writerows((path.relative_to(folder).as_posix(), "synthetic barks") for path in written)


def music(rng: np.random.Generator, songs: int, soundfont: Path) -> list[NDArray[np.int16]]:
    """Render songs with FluidSynth; silent ones are left out."""
    messages: list[Message] = []
    for i in range(songs):
        messages += song(rng, SONG_S, i * (SONG_S + GAP_S))
    with tempfile.TemporaryDirectory() as scratch:
        written, played = Path(scratch, "songs.mid"), Path(scratch, "songs.wav")
        written.write_bytes(midi_file(messages))
        _run(["fluidsynth", "-ni", "-g", "0.5", "-r", str(RATE_HZ), "-F", str(played), str(soundfont), str(written)])
        pcm = audio_file.read(played, RATE_HZ)
    length = round((SONG_S + GAP_S) * RATE_HZ)
    return [
        clip for clip in (pcm[i * length : (i + 1) * length] for i in range(songs)) if np.abs(clip).max(initial=0) > 32
    ]


def speech(rng: np.random.Generator, phrases: int) -> list[NDArray[np.int16]]:
    """Have phrases spoken by eSpeak NG: drawn voices, pitches, speeds and languages; words or numbers."""
    out = []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "phrase.wav")
        for _ in range(phrases):
            voice = str(rng.choice(LANGUAGES.split())) + str(rng.choice(VARIANTS))
            if rng.uniform() < 0.6:
                text = " ".join(rng.choice(WORDS.split(), int(rng.integers(4, 14))))
            else:
                text = " ".join(str(int(n)) for n in rng.integers(0, 3000, 5))
            if rng.uniform() < 0.4:
                text = text.replace(" ", "! ", 2)
            pitch, speed = int(rng.integers(20, 99)), int(rng.integers(110, 260))
            _run(["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "-w", str(path), text])
            out.append(audio_file.read(path, RATE_HZ)[: 8 * RATE_HZ])
    return out


def dogs(rng: np.random.Generator, count: int) -> list[NDArray[np.int16]]:
    """Make dogs that bark for 1.5 to 5 s, most in a room, over noise 40 to 70 dB below them."""
    out = []
    for _ in range(count):
        sound = barking(rng, float(rng.uniform(1.5, 5.0))).sound
        if rng.uniform() < 0.7:
            sound = rooms.in_room(sound, rooms.room_response(rng))
        sound = sound / loudest(sound) + noise(rng, len(sound), -3.0) * from_db(rng.uniform(-80.0, -50.0))
        out.append(rooms.to_pcm(sound * from_db(rng.uniform(-12.0, -3.0))))
    return out


def write_clips(folder: Path, clips: Sequence[NDArray[np.int16]]) -> list[Path]:
    """Write clips as numbered FLAC files and return their paths."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{folder.name}_{number:04d}.flac" for number in range(len(clips))]
    for path, clip in zip(paths, clips, strict=True):
        soundfile.write(path, clip, RATE_HZ)
    return paths


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_PROGRAM_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise DataError(f"{command[0]} failed: {error}.", "Run it by hand to see why.") from error


if __name__ == "__main__":
    main()
