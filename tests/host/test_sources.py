"""The sources of an image: Debian's packages, the upstream repositories, or a folder that is given.

Local repositories stand in for the upstream ones, made from the cached sources without the patch: that shows cloning,
the hashes and that such a tree is built from, but not that the servers answer.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from soundsdk import cli
from soundsdk.boards import find_board
from soundsdk.build import sources, toolchain
from soundsdk.errors import DataError, ToolError
from soundsdk.resources import firmware_dir

PATCH = firmware_dir() / "ports" / "micropython.patch"


@pytest.fixture(scope="module")
def cached() -> Path:
    """Return the folder of the sources that builds here use, Debian's."""
    return sources.fetch(None, print).micropython.parent


@pytest.fixture(scope="module")
def pristine(cached: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder for --sources: the parts that builds use, as upstream has them, with empty submodules."""
    folder = tmp_path_factory.mktemp("pristine")
    # TinyUSB's hash is over src, but rp2's build reads hw as well.
    more = {"tinyusb": ("hw/bsp/rp2040",), "micropython": (), "pico-sdk": ("CMakeLists.txt",)}
    for name, (_, _, parts, _) in sources.UPSTREAM.items():
        for part in (*parts, *more[name]):
            (folder / name / part).parent.mkdir(parents=True, exist_ok=True)
            if (cached / name / part).is_dir():
                ignore = shutil.ignore_patterns("__pycache__", *(["build"] if name == "micropython" else []))
                shutil.copytree(cached / name / part, folder / name / part, symlinks=True, ignore=ignore)
            else:
                shutil.copy(cached / name / part, folder / name / part)
    for empty in ("micropython/lib/tinyusb", "micropython/lib/micropython-lib", "pico-sdk/lib/tinyusb"):
        (folder / empty).mkdir(parents=True)
    subprocess.run(["patch", "-R", "-p1", "-s", "-d", folder / "micropython", "-i", PATCH], check=True)
    return folder


def git(*words: object, cwd: Path) -> None:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *settings, *map(str, words)], cwd=cwd, check=True, capture_output=True, timeout=120)


def repository(folder: Path, tag: str) -> str:
    """Make a folder a repository with a tag; return its address."""
    git("init", "-q", cwd=folder)
    git("add", "-A", "-f", cwd=folder)
    git("commit", "-q", "-m", "all", cwd=folder)
    git("tag", tag, cwd=folder)
    return folder.as_uri()


@pytest.fixture
def no_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide apt and use an empty cache, which is returned."""
    real = shutil.which
    monkeypatch.setattr(sources.shutil, "which", lambda name: None if "apt" in name else real(name))
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def need_git() -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed (apt-get install git)")


def test_a_clone_of_upstream_has_the_right_hashes_and_equals_debians_tree(
    cached: Path, pristine: Path, no_apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_git()
    shutil.copytree(pristine, tmp_path / "upstream", symlinks=True)
    local = {
        name: (repository(tmp_path / "upstream" / name, tag), tag, parts, sha256)
        for name, (_, tag, parts, sha256) in sources.UPSTREAM.items()
    }
    monkeypatch.setattr(sources, "UPSTREAM", local)
    said: list[str] = []
    source = sources.fetch(None, said.append)
    assert [line.split(" from ")[0] for line in said] == [
        "fetching micropython v1.25.0", "fetching pico-sdk 2.1.1", "fetching tinyusb 0.18.0"
    ]  # fmt: skip
    assert not list(source.micropython.parent.rglob(".git"))
    assert (source.micropython / "lib/tinyusb/src/tusb.c").is_file()
    assert (source.pico_sdk / "lib/tinyusb/src/tusb.c").is_file()
    # As patched, too; but where builds leave files of their own.
    for name, (_, _, parts, _) in local.items():
        unbuilt = [part for part in parts if part not in ("mpy-cross", "tools")]
        assert sources.tree_sha256(source.micropython.parent / name, unbuilt) == sources.tree_sha256(
            cached / name, unbuilt
        )
    monkeypatch.setattr(sources, "UPSTREAM", {})
    assert sources.fetch(None, said.append) == source
    assert len(said) == 3, "nothing is fetched twice"


def small_upstream(folder: Path) -> dict[str, tuple[str, str, tuple[str, ...], str]]:
    (folder / "src").mkdir(parents=True)
    (folder / "src/a.c").write_text("int a;\n")
    sha256 = sources.tree_sha256(folder, ("src",))
    return {"micropython": (repository(folder, "v1"), "v1", ("src",), sha256)}


def test_a_clone_that_is_not_what_it_should_be_is_refused(
    no_apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_git()
    upstream = small_upstream(tmp_path / "upstream")
    monkeypatch.setattr(sources, "UPSTREAM", upstream)
    with pytest.raises(DataError, match=r"lack micropython/py/mpconfig\.h"):  # the hash fits: the next check speaks
        sources.fetch(None, print)
    url, tag, parts, _ = upstream["micropython"]
    monkeypatch.setattr(sources, "UPSTREAM", {"micropython": (url, tag, parts, "0" * 64)})
    with pytest.raises(DataError, match=r"micropython v1 from file://.* is not what this version"):
        sources.fetch(None, print)
    (tmp_path / "upstream/src/a.c").write_text("int b;\n")
    git("commit", "-q", "-a", "-m", "moved", cwd=tmp_path / "upstream")
    git("tag", "-f", "v1", cwd=tmp_path / "upstream")
    monkeypatch.setattr(sources, "UPSTREAM", upstream)
    with pytest.raises(DataError, match="is not what this version"):
        sources.fetch(None, print)
    assert not [path for path in no_apt.iterdir() if path.suffix != ".lock"]


def test_a_repository_or_tag_that_cannot_be_fetched_is_one_sentence(
    no_apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    need_git()
    if shutil.which("make") is None or shutil.which("cc") is None:
        pytest.skip("make and a C compiler are not installed")
    url, _, parts, sha256 = small_upstream(tmp_path / "upstream")["micropython"]
    for where, tag in ((url, "v2"), ((tmp_path / "none").as_uri(), "v1")):
        monkeypatch.setattr(sources, "UPSTREAM", {"micropython": (where, tag, parts, sha256)})
        assert cli.run(["build", "unix", "-o", str(tmp_path / "out")]) == 1
        err = capfd.readouterr().err
        assert "git cannot fetch micropython" in err
        assert "--sources" in err
        assert not (tmp_path / "out").exists()
        assert not [path for path in no_apt.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_without_apt_and_git_it_says_so(no_apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.shutil, "which", lambda name: None)
    with pytest.raises(ToolError, match="neither apt nor git"):
        sources.fetch(None, print)


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "package.deb"
    path.write_bytes(b"one")
    sources.check_sha256(path, hashlib.sha256(b"one").hexdigest())
    for data in (b"two", None):
        path.unlink()
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(DataError, match=r"package\.deb is not the file"):
            sources.check_sha256(path, hashlib.sha256(b"one").hexdigest())
        path.touch()


def test_an_image_is_built_from_a_folder_that_is_given(
    pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        toolchain.check(find_board("unix"))
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    before = sources.listing(pristine)
    words = ["build", "unix", "--sources", str(pristine), "-o", str(tmp_path / "out")]
    assert cli.run(words) == 0
    assert "copying the sources" in capfd.readouterr().err
    program = tmp_path / "out/unix"
    said = subprocess.run([program, "-c", "import soundcore, soundfw; print(soundcore.Model)"],
                          capture_output=True, text=True, check=True, timeout=60).stdout  # fmt: skip
    assert "Model" in said
    assert sources.listing(pristine) == before, "the folder that was given is not written to"
    assert cli.run(words) == 0
    err = capfd.readouterr().err
    assert "nothing compiled" in err
    assert "copying" not in err
    # Broken later: what it lacks is named, and the image that was there stays.
    older = program.read_bytes()
    lexer = pristine / "micropython/py/lexer.c"
    text = lexer.read_text()
    lexer.write_text("#error broken sources\n" + text)
    try:
        assert cli.run(words) == 1
    finally:
        lexer.write_text(text)
    assert "broken sources" in capfd.readouterr().err
    assert program.read_bytes() == older
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["unix"]
