"""The program `python -m soundsdk`."""

from soundsdk.cli import main

main()
