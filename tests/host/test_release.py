"""The files of a release beside its wheel, and the commands of the workflows."""

from __future__ import annotations

import email
import fnmatch
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from soundsdk import __version__
from soundsdk.boards import find_board
from soundsdk.build import soundfw_files, sources
from soundsdk.build.native import MANIFEST
from soundsdk.build.native_archs import ARCHS
from soundsdk.errors import ToolError

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

sys.path.append(str(ROOT / "release"))
import bill_of_materials  # noqa: E402
import make_images  # noqa: E402
import make_release  # noqa: E402
import pypi_page  # noqa: E402
import try_pythons  # noqa: E402


def test_the_manifest_names_the_esp32_images_and_their_offsets() -> None:
    names = ["esp32_devkit", "esp32c3_devkit", "esp32s3_devkit", "rpi_pico"]
    manifest = make_release.web_manifest([(find_board(name), f"{name}.bin") for name in names], "1.2.3")
    assert manifest is not None
    assert manifest["version"] == "1.2.3"
    assert manifest["builds"] == [
        {"chipFamily": "ESP32", "parts": [{"path": "esp32_devkit.bin", "offset": 0x1000}]},
        {"chipFamily": "ESP32-C3", "parts": [{"path": "esp32c3_devkit.bin", "offset": 0}]},
        {"chipFamily": "ESP32-S3", "parts": [{"path": "esp32s3_devkit.bin", "offset": 0}]},
    ]
    assert make_release.web_manifest([(find_board("rpi_pico"), "a.uf2")], "1.2.3") is None


def test_the_sums_are_those_of_all_files(tmp_path: Path) -> None:
    for name in ("b.whl", "a.uf2"):
        (tmp_path / name).write_text(name)
    make_release.write_sums(tmp_path)
    make_release.write_sums(tmp_path)  # not of itself
    lines = (tmp_path / "SHA256SUMS").read_text().splitlines()
    assert lines == [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}" for name in ("a.uf2", "b.whl")]


def test_the_bill_names_every_dependency_and_every_source_of_the_images() -> None:
    bill = bill_of_materials.make(ROOT)
    assert json.dumps(bill) == json.dumps(bill_of_materials.make(ROOT))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    refs = [component["bom-ref"] for component in bill["components"]]
    assert len(set(refs)) == len(refs)
    assert {entry["ref"] for entry in bill["dependencies"]} == {*refs, bill["metadata"]["component"]["bom-ref"]}
    by_name = {component["name"]: component for component in bill["components"]}
    assert by_name["esptool"]["purl"].startswith("pkg:pypi/esptool@")
    for name, (url, tag, _, _) in sources.UPSTREAM.items():
        assert by_name[name]["purl"] == f"pkg:github/{url.partition('github.com/')[2]}@{tag}"
        assert by_name[name]["licenses"]


def test_a_release_holds_images_of_all_boards_but_of_no_program() -> None:
    names = {board.id for board in make_images.released_boards()}
    assert {"rpi_pico", "rpi_pico_w", "rpi_pico2", "esp32_devkit", "esp32s3_devkit", "esp32c3_devkit"} <= names
    assert not names & {"sim", "unix"}


def test_a_release_holds_a_native_module_of_every_architecture(tmp_path: Path) -> None:
    try:
        paths = make_images.make_native_modules(tmp_path)
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
    names = {f"soundcore-{arch}.mpy" for arch in ARCHS}
    assert {path.name for path in paths} == names
    assert {path.name for path in tmp_path.iterdir()} == {*names, MANIFEST, soundfw_files.ARCHIVE}
    make_images.make_mip_packages(tmp_path / "mip.zip")
    with zipfile.ZipFile(tmp_path / "mip.zip") as packed:
        there = set(packed.namelist())
        assert names <= there
        for arch in ARCHS:
            package = json.loads(packed.read(f"package-{arch}.json"))
            assert {address for _, address in package["urls"]} <= there


def test_a_checkout_with_changes_is_no_release(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_release, "changed_files", lambda: [" M README.md"])
    monkeypatch.setattr(sys, "argv", ["make_release.py", "-o", str(tmp_path / "out")])
    assert make_release.main() == 1
    assert "README.md" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("address", "repository"),
    [
        ("https://github.com/a/soundsdk", "https://github.com/a/soundsdk"),
        ("https://github.com/a/soundsdk.git", "https://github.com/a/soundsdk"),
        ("git@github.com:a/soundsdk.git", "https://github.com/a/soundsdk"),
        ("ssh://git@codeberg.org/a/soundsdk", "https://codeberg.org/a/soundsdk"),
        ("https://gitlab.com/group/sub/soundsdk/", "https://gitlab.com/group/sub/soundsdk"),
        ("/srv/git/soundsdk", None),
        ("https://localhost/a/b", None),
        ("https://github.com/a", None),
        ("http://github.com/a/b", None),
        ('https://github.com/a/b"]', None),
    ],
)
def test_the_projects_address_is_one_on_the_web(address: str, repository: str | None, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert pypi_page.repository_of(tmp_path) is None
    subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", address], check=True)
    assert pypi_page.repository_of(tmp_path) == repository
    if repository is None:
        with pytest.raises(ValueError, match="is no address"):
            pypi_page.checked_repository(address)


def test_links_of_the_readme_lead_to_the_tag_and_pictures_to_files() -> None:
    page = (
        "[a](docs/a.md#b) ![p](./docs/p.png) [![p](docs/p.png)](docs/) [c](#here) [d](https://e.f/g) "
        "[e [f]](a b.md) `[x]`"
    )
    assert pypi_page.with_absolute_links(page, "https://h.org/n/p", "v1") == (
        "[a](https://h.org/n/p/blob/v1/docs/a.md#b) ![p](https://h.org/n/p/raw/v1/docs/p.png) "
        "[![p](https://h.org/n/p/raw/v1/docs/p.png)](https://h.org/n/p/blob/v1/docs/) [c](#here) [d](https://e.f/g) "
        "[e [f]](a b.md) `[x]`"
    )
    assert "docs/demo.png" in pypi_page.relative_links((ROOT / "README.md").read_text())


def test_a_release_names_its_repository_and_its_page_has_no_dead_link(tmp_path: Path) -> None:
    pytest.importorskip("scikit_build_core", reason="the dev extra is not installed")
    sdist = make_release.make_sdist(tmp_path, "https://github.com/a/soundsdk")
    with tarfile.open(sdist) as archive:
        top = sdist.name.removesuffix(".tar.gz")
        information = archive.extractfile(f"{top}/PKG-INFO")
        assert information is not None
        message = email.message_from_bytes(information.read())
        assert f"{top}/training/configs/home.toml" in archive.getnames()
    urls = dict(text.split(", ", 1) for text in message.get_all("Project-URL", []))
    assert urls["Homepage"] == urls["Source"] == "https://github.com/a/soundsdk"
    assert urls["Changelog"].startswith("https://github.com/a/soundsdk/blob/v")
    assert message["License-Expression"] == "MIT"
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)} <= set(
        message.get_all("Classifier", [])
    )
    page = str(message.get_payload())
    assert "# soundsdk" in page
    assert pypi_page.relative_links(page) == []


@pytest.mark.skipif(not WORKFLOWS, reason="a source archive holds no workflows")
def test_the_workflows_run_what_a_checkout_runs() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]
    text = "".join(path.read_text() for path in WORKFLOWS)
    targets = re.findall(r"run: make (\S+)", text)
    assert targets == ["pythons", "release"]
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in targets)
    assert "run: .ci/run" in text
    assert (ROOT / ".ci" / "run").is_file()
    # What make release compiles with is what .ci/run installs.
    installed = set(re.findall(r"[a-z][\w+-]+", (ROOT / ".ci" / "run").read_text()))
    words = re.search(r"--no-install-recommends build-essential(.*?)\n +- uses", text, re.DOTALL)
    assert words is not None
    assert set(words[1].split()) - {"ca-certificates"} <= installed


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no programs of one line")
def test_a_python_is_found_on_the_path_or_under_pyenv_and_one_that_does_not_run_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = "{}.{}".format(*sys.version_info)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    assert try_pythons.find_python(version) is None
    on_path = tmp_path / f"python{version}"
    on_path.write_text("#!/bin/sh\nexit 127\n")  # as pyenv's, where the version is not chosen
    on_path.chmod(0o755)
    assert try_pythons.find_python(version) is None
    kept = tmp_path / "root" / "versions" / f"{version}.1" / "bin" / "python"
    kept.parent.mkdir(parents=True)
    kept.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    kept.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "root"))
    assert try_pythons.find_python(version) == str(kept)
    kept.replace(on_path)
    assert try_pythons.find_python(version) == str(on_path)
    on_path.rename(tmp_path / "python3.99")
    assert try_pythons.find_python("3.99") is None  # it is another version than its name says


def test_a_python_that_is_not_to_be_had_is_skipped_aloud(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["try_pythons.py", "3.99"])
    assert try_pythons.main() == 1
    said = capfd.readouterr().out
    assert "Python 3.99: SKIPPED" in said
    assert "no Python was tried" in said


def _instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Return (instruction, arguments) of a Dockerfile, lines that go on joined, comments left out."""
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def test_the_dockerfile_is_whole_and_copies_what_a_release_holds() -> None:
    parts = _instructions((ROOT / "release" / "Dockerfile").read_text())
    known = {"FROM", "RUN", "COPY", "ENV", "WORKDIR", "ENTRYPOINT", "CMD"}
    assert parts[0][0] == "FROM"
    assert {word for word, _ in parts} <= known
    # The Python is one that soundsdk is for.
    versions = re.findall(r"python:(\d\.\d+)-slim", " ".join(rest for word, rest in parts if word == "FROM"))
    assert versions
    assert set(versions) <= {"3.10", "3.11", "3.12", "3.13"}
    stages = [rest.rpartition(" AS ")[2] for word, rest in parts if word == "FROM" and " AS " in rest]
    for _, rest in (part for part in parts if part[0] == "COPY"):
        source = re.fullmatch(r"(?:--from=(\w+) )?(\S+) (\S+/)", rest)
        assert source is not None
        if source[1]:
            assert source[1] in stages
        else:
            assert fnmatch.fnmatch(f"soundsdk-{__version__}.tar.gz", source[2])
    for word, rest in parts:
        if word in ("ENTRYPOINT", "CMD"):
            assert isinstance(json.loads(rest), list)
        if word == "RUN":
            done = subprocess.run(["sh", "-n", "-c", rest], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
