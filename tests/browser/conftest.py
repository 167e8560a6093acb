"""Fixtures of the browser tests. Everything below this folder carries the mark `browser` (see tests/conftest.py).

LESSON = "01_missing_join.ipynb"

def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.jupyterlab import ROOT, JupyterLab, Notebook, chromium_browser, quiet, quiet_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

SIZE: ViewportSize = {"width": 1280, "height": 900}

if importlib.util.find_spec("playwright") is None:  # as in the conda environment
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a laptop's size, for everything but JupyterLab. For a phone: `with quiet_page(browser, width=390)`."""
    with quiet_page(browser) as page:
        yield page


@pytest.fixture(scope="session")
def one_window(browser: Browser) -> Iterator[Page]:
    """Opening JupyterLab a second time costs half as much in the page that has opened it before."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.on("dialog", lambda asked: asked.accept())  # "leave without saving?"
    yield page
    context.close()


@pytest.fixture
def window(one_window: Page) -> Iterator[Page]:
    """The page to open notebooks in. One at a time: a notebook that is opened takes the place of the one before."""
    with quiet(one_window) as page:
        yield page
        page.set_viewport_size(SIZE)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    """JupyterLab as `make lab` leaves it: the notebooks are trusted."""
    lab = JupyterLab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def book(request: pytest.FixtureRequest, one_window: Page, lab: JupyterLab) -> Iterator[Notebook]:
    """The notebook that the module calls LESSON, run from top to bottom. The module's tests share it: each has cells of
    its own, and the last one opens it again as on the next day."""
    with quiet(one_window) as page:
        book = Notebook(page, lab, request.module.LESSON)
        book.run_all()
        yield book


@pytest.fixture(scope="session")
def untrusted_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    """JupyterLab on a fresh clone: nobody has trusted or run anything."""
    lab = JupyterLab(tmp_path_factory.mktemp("untrusted"), trusted=False)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`exported("01_missing_join.ipynb", theme="dark")` is the file that nbconvert makes of it."""
    folder = tmp_path_factory.mktemp("exported")

    @cache
    def export(name: str, theme: str = "light") -> Path:
        from nbconvert import HTMLExporter

        text, _ = HTMLExporter(theme=theme).from_filename(str(ROOT / "notebooks" / name))
        path = folder / f"{name}-{theme}.html"
        path.write_text(text, encoding="utf-8")
        return path

    return export
