#!/usr/bin/env bash
# Try a release's wheel in an empty Debian: pip install, flash a virtual Pico with a detector that the wheel does not
# hold, wait for its events. Nothing is compiled: the container has no compiler. Prints seconds; at most 60 for the flash.
# Usage, as root, with debootstrap: PYTHON=.venv/bin/python release/try_debian.sh WHEEL [SUITE] [FOLDER]
# PYTHON: one with the extra `train`. The wheel is for the Python of the suite: bookworm 3.11, trixie 3.13. FOLDER: such a
# system, which is not removed.
set -euo pipefail
wheel=$(realpath "$1") suite=${2:-trixie} root=${3:-}
tree=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)

mounted=()
finish() {
    for place in "${mounted[@]}"; do umount "$place" || true; done
    if [ -z "$root" ] || [ "$root" = "$work/debian" ]; then rm -rf --one-file-system "$work/debian"; fi
    rm -rf --one-file-system "$work"
}
trap finish EXIT

if [ -z "$root" ]; then
    root=$work/debian
    debootstrap --variant=minbase --include=python3,python3-venv "$suite" "$root"
fi
for pair in proc:proc devpts:dev/pts; do
    place=$root/${pair#*:}
    mkdir -p "$place"
    mount -t "${pair%%:*}" "${pair%%:*}" "$place"
    mounted+=("$place")
done
# How this machine reaches packages holds inside as well.
mkdir -p "$root/etc/ssl/certs" "$root/etc/xdg" "$root/trial"
cp -L /etc/resolv.conf "$root/etc/"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
for file in /etc/pip.conf /etc/xdg/pip; do [ ! -e "$file" ] || cp -r "$file" "$root$file"; done

rm -rf "$root/trial"
mkdir -p "$root/trial/board"
cp "$wheel" "$root/trial/"
cp -r "$tree/tests" "$root/trial/tests"
"${PYTHON:-python3}" - "$tree/tests" "$root/trial" <<'END'
import sys
from pathlib import Path
sys.path.append(sys.argv[1])
import numpy as np
from sim.tiny_model import BURSTS, build, metadata, tones
folder = Path(sys.argv[2])
(folder / "mine.tflite").write_bytes(build(metadata()))
np.tile(np.round(tones(10, BURSTS) * 32768).astype(np.int16), 6).tofile(folder / "sound.raw")
END

chroot=$(command -v chroot)
inside() {
    env -i PATH=/usr/bin:/bin HOME=/root LC_ALL=C.UTF-8 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        "$chroot" "$root" "$@"
}
inside true
for compiler in cc gcc g++ clang make cmake arm-none-eabi-gcc; do
    if inside sh -c "command -v $compiler" >/dev/null; then echo "$compiler is installed in $root" >&2; exit 1; fi
done
began=$(date +%s)
inside python3 -m venv /trial/env
inside /trial/env/bin/pip install --quiet "/trial/$(basename "$wheel")"
installed=$(date +%s)
inside /trial/env/bin/python -I /trial/tests/host/wheel_and_pico.py \
    /trial/tests /trial/board /trial/mine.tflite /trial/sound.raw | tee "$work/said"
ended=$(date +%s)
grep -q '"code": 0, "model": "tones".*"events": \["high", "high"\]' "$work/said" # it begins and ends
if inside find /root/.cache/soundsdk -name 'build*' 2>/dev/null | grep -q .; then echo "something was built" >&2; exit 1; fi
echo "installed in $((installed - began)) s, flashed and heard in $((ended - installed)) s"
[ $((ended - installed)) -le 60 ]
