"""The boards that the tests of this folder may use: those that were named, or all that are plugged in."""

from __future__ import annotations

from soundsdk.device.discovery import discover
from soundsdk.device.system import System


def addresses(asked: str, system: System | None = None) -> list[str]:
    """Return the addresses that SOUNDSDK_HARDWARE asks for: "auto" is every board that answers; else words.

    Bridges are not asked: what is behind one may be somebody else's.
    """
    if asked.strip() != "auto":
        return [word.strip() for word in asked.split() if word.strip()]
    return [found.path for found in discover(system=system) if found.state == "ready"]
