"""The software bill of materials of a release, in CycloneDX 1.5 (cyclonedx.org): what the wheel and the images hold."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import uuid
from pathlib import Path
from typing import Any

from soundsdk.build import sources

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# What is linked into the images, with the licences in the sources' own files.
_LICENCES = {"micropython": "MIT", "pico-sdk": "BSD-3-Clause", "tinyusb": "MIT"}
# Within MicroPython's tree: name, folder and licence, as an SPDX id or in words.
_WITHIN_MICROPYTHON = (
    ("littlefs", "lib/littlefs", "BSD-3-Clause"),
    ("cmsis", "lib/cmsis", "Apache-2.0"),
    ("uzlib", "lib/uzlib", "Zlib"),
    ("oofatfs", "lib/oofatfs", "FatFs licence"),
)


def make(root: Path) -> dict[str, Any]:
    """Return the bill of the checkout at `root`; the same checkout and environment give the same bill."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = f"pkg:pypi/{project['name']}@{project['version']}"
    components = [_python(requirement) for requirement in project["dependencies"]]
    components += [_source(name, *facts) for name, facts in sorted(sources.UPSTREAM.items())]
    components += [_part(*facts) for facts in _WITHIN_MICROPYTHON]
    refs = [component["bom-ref"] for component in components]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join([own, *refs]))}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": project["name"],
                "version": project["version"],
                "purl": own,
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": own, "dependsOn": refs}, *({"ref": ref, "dependsOn": []} for ref in refs)],
    }


def _python(requirement: str) -> dict[str, Any]:
    """Return the component of a requirement of the wheel, with the version that is installed here, if it is."""
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    component: dict[str, Any] = {"type": "library", "name": name, "scope": "required"}
    try:
        component["version"] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        purl = f"pkg:pypi/{name}"
    else:
        purl = f"pkg:pypi/{name}@{component['version']}"
    return component | {"purl": purl, "bom-ref": purl, "description": f"required as {requirement}"}


def _source(name: str, url: str, tag: str, _parts: object, sha256: str) -> dict[str, Any]:
    """Return the component of a source tree that images are compiled from."""
    purl = f"pkg:github/{url.removeprefix('https://github.com/')}@{tag}"
    return {
        "type": "firmware",
        "name": name,
        "version": tag.removeprefix("v"),
        "purl": purl,
        "bom-ref": purl,
        "licenses": [{"license": {"id": _LICENCES[name]}}],
        "externalReferences": [{"type": "vcs", "url": url}],
        "properties": [{"name": "soundsdk:sha256 of the files that are used", "value": sha256}],
    }


def _part(name: str, folder: str, licence: str) -> dict[str, Any]:
    """Return the component of a library within MicroPython's tree."""
    return {
        "type": "library",
        "name": name,
        "version": f"as in MicroPython {sources.MICROPYTHON}",
        "bom-ref": f"micropython/{folder}",
        "licenses": [{"license": {"name" if " " in licence else "id": licence}}],
    }
