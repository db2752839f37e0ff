"""The simulator and its programs, built once for all tests of a worker."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.m0 import simulated, workloads


@pytest.fixture(scope="session")
def built() -> Path:
    for tool in simulated.TOOLS:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    return simulated.build(workloads.BUILD)
