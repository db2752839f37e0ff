"""Files and lines that others wrote: every fault of them is a ValueError, and none is read without an end."""

from __future__ import annotations

from pathlib import Path

import pytest

from soundsdk import cli
from soundsdk.given_text import parse_json, read_text


@pytest.mark.parametrize("text", ["", "{", 100_000 * "[", 100_000 * '{"a":', 5000 * "9", "\ud800"])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_json(text)
    assert "set_int_max_str_digits" not in str(caught.value)


def test_a_file_is_read_without_its_mark_and_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert parse_json(read_text(path)) == {"a": 1}
    assert read_text(path, 11) == '{"a": 1}'
    for bad, why in ((path, "larger than 10"), (Path("/dev/zero"), "larger than 10"), (Path("a\0b"), "null")):
        with pytest.raises(ValueError, match=why):
            read_text(bad, 10)


@pytest.mark.parametrize(
    ("text", "says"), [(100_000 * "[", "nested too deeply"), ('{"mic": ' + 5000 * "9" + "}", "too many digits")]
)
def test_settings_of_a_verb_that_no_parser_takes_are_one_sentence(
    text: str, says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mic.json"
    path.write_text(text)
    assert cli.run(["install", "--settings", str(path)]) == 1
    said = capfd.readouterr().err
    assert "mic.json are no JSON: " in said
    assert says in said
    assert "internal" not in said
