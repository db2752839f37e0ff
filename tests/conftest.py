"""Cache of all tests, and CI's promise to skip nothing that a machine can install."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Images and emulators are built in the checkout's own cache, which workers and runs share: each is built once.
os.environ.setdefault("SOUNDSDK_CACHE", str(Path(__file__).resolve().parents[1] / ".cache" / "soundsdk"))

# .ci/run sets this: a skipped test fails, unless it lacks something that only a person can provide. These variables
# name such things.
STRICT = os.environ.get("SOUNDSDK_NO_SKIPS", "") not in ("", "0")
PROVIDED = ("SOUNDSDK_DATA", "TFLM_DIR", "IDF_PATH", "SOUNDSDK_HARDWARE")


def _judge(report: Any) -> None:
    if not STRICT or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if not any(name in reason for name in PROVIDED):
        report.outcome = "failed"
        report.longrepr = f"skipped, and SOUNDSDK_NO_SKIPS is set: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    _judge(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    _judge(report)
    return report
