"""Makes negatives by programs: music by FluidSynth, speech by eSpeak NG, as folders that `train --material` accepts.

    python -m soundsdk_train.mixtures.synthetic DIR

Needs fluidsynth with a General MIDI soundfont (FluidR3, MIT licence) and espeak-ng; both run as separate programs, and
what they make carries no licence of theirs. Same seed and versions, same files.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError, UsageError
from soundsdk.recording import audio_file
from soundsdk_sim.scenes.dsp import RATE_HZ
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
@click.option("--soundfont", type=click.Path(path_type=Path), default=Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"))
@click.option("--seed", default=77, show_default=True, help="Seed of all that is drawn.")
def main(folder: Path, songs: int, phrases: int, soundfont: Path, seed: int) -> None:
    """Make FOLDER/neg_synthetic_music and FOLDER/neg_synthetic_speech, 16 kHz FLAC files."""
    for program in ("fluidsynth", "espeak-ng"):
        if shutil.which(program) is None:
            raise UsageError(f"the program {program} is not installed.", "Install fluidsynth and espeak-ng.")
    if not soundfont.is_file():
        raise UsageError(f"there is no soundfont {soundfont}.", "Install fluid-soundfont-gm, or give --soundfont.")
    rng = np.random.default_rng(seed)
    write_clips(folder / "neg_synthetic_music", music(rng, songs, soundfont))
    write_clips(folder / "neg_synthetic_speech", speech(rng, phrases))


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


def write_clips(folder: Path, clips: Sequence[NDArray[np.int16]]) -> None:
    """Write clips as numbered FLAC files."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    for number, clip in enumerate(clips):
        soundfile.write(folder / f"{number:04d}.flac", clip, RATE_HZ)


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_PROGRAM_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise DataError(f"{command[0]} failed: {error}.", "Run it by hand to see why.") from error


if __name__ == "__main__":
    main()
