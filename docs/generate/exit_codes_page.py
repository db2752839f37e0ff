"""The page of exit codes, from soundsdk.errors."""

from __future__ import annotations

from soundsdk import errors

INTRO = """# Exit codes

One code for each cause, the same for every verb. Scripts can rely on them; with `--json` the last line also names the
cause, as `{"error": {"exit_code": …, "cause": "…", "message": "…", "hint": "…"}}`.

| code | cause | when |
|---|---|---|
"""
CLASSES = """
## The errors in Python

The library raises one class for each cause; all are subclasses of `SoundsdkError`, with `message` and `hint`.

| class | exit code | |
|---|---|---|
"""


def page() -> str:
    """Return the page as Markdown."""
    codes = [f"| {code} | `{word}` | {sentence} |" for code, (word, sentence) in errors.EXIT_CODES.items()]
    kinds = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.SoundsdkError)]
    rows = [f"| `{kind.__name__}` | {kind.exit_code} | {(kind.__doc__ or '').splitlines()[0]} |" for kind in kinds]
    return "\n".join([INTRO + "\n".join(codes), CLASSES + "\n".join(rows), ""])
