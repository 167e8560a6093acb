"""What all tests share: golden files, and programs that a test needs and a machine may lack."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

TESTS = Path(__file__).parent

# The same random programs every time, and no deadline: a slow machine is not a bug.
# HYPOTHESIS_PROFILE=explore looks for new programs.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", max_examples=2_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


def chromium() -> str | None:
    """The browser that Playwright drives: one named by CHROMIUM, Debian's, or Chrome as on GitHub's machines."""
    if importlib.util.find_spec("playwright") is None:
        return None
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next((path for path in map(shutil.which, filter(None, names)) if path), None)


def npm() -> str | None:
    return shutil.which("npm")


def qemu() -> str | None:
    return shutil.which("qemu-system-x86_64")


# mark -> (where is it, what to say, the variable under which its absence is a failure: set by .ci/run)
NEEDS: dict[str, tuple[Callable[[], str | None], str, str]] = {
    "browser": (chromium, "no Playwright, or no Chromium: install chromium or set CHROMIUM", "REQUIRE_BROWSER"),
    "needs_npm": (npm, "no npm found: it fetches Pyodide for the site", "REQUIRE_NPM"),
    "needs_qemu": (qemu, "no qemu-system-x86_64 found", "REQUIRE_QEMU"),
}


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(TESTS / "browser"):
            item.add_marker("browser")
    items.sort(key=lambda item: item.path.name != "test_site.py")  # as long as the others together: so it comes first
    seed = config.getoption("--shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark, (find, complaint, required) in NEEDS.items():
        if item.get_closest_marker(mark) and find() is None:
            (pytest.fail if os.environ.get(required) else pytest.skip)(complaint)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files; then read the diff")
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in the order that this seed gives")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden("precopy/crash.txt", text)` compares a text with tests/golden/precopy/crash.txt."""

    def compare(name: str, text: str) -> None:
        path = TESTS / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is not there: is the name right? New ones are made with pytest --update-golden"
        assert text == path.read_text(encoding="utf-8")

    return compare
