"""Images are built in the checkout's own cache, so that a second run builds nothing."""

import os
from pathlib import Path

os.environ.setdefault("SOUNDSDK_CACHE", str(Path(__file__).resolve().parents[2] / ".cache" / "soundsdk"))
