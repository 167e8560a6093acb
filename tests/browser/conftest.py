"""Fixtures of the browser tests. Everything below this folder carries the mark `browser` (see tests/conftest.py).

LESSON = "01_missing_join.ipynb"

def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.jupyterlab import JupyterLab, Notebook, chromium_browser, quiet_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

if importlib.util.find_spec("playwright") is None:  # as in the conda environment
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a laptop's size. For a phone, or without a server: `with quiet_page(browser, width=390) as page`."""
    with quiet_page(browser) as page:
        yield page


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    """JupyterLab as `make lab` leaves it: the notebooks are trusted."""
    lab = JupyterLab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def book(request: pytest.FixtureRequest, browser: Browser, lab: JupyterLab) -> Iterator[Notebook]:
    """The notebook that the module calls LESSON, run from top to bottom. The module's tests share it: each has cells of
    its own."""
    with quiet_page(browser) as page:
        book = Notebook(page, lab, request.module.LESSON)
        book.run_all()
        yield book


@pytest.fixture(scope="session")
def untrusted_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    """JupyterLab on a fresh clone: nobody has trusted or run anything."""
    lab = JupyterLab(tmp_path_factory.mktemp("untrusted"), trusted=False)
    yield lab
    lab.close()
