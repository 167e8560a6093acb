"""The built site for the browser tests: a file server, a page that notes every request, a notebook in JupyterLite."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.jupyterlab import Notebook, outside

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address of a folder of files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def watched_page(browser: Browser, width: int = 1280, height: int = 900, **options: Any) -> Iterator[Page]:
    """A page of a new visitor. At the end: no JavaScript error, no request outside, none that failed."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    complaints: list[str] = []
    context.on("request", lambda request: complaints.extend(outside(request.url)))
    context.on("requestfailed", lambda request: complaints.extend(failed(request.url, request.failure or "")))
    context.on("response", lambda answer: complaints.extend(refused(answer.status, answer.url)))
    context.on("console", lambda said: complaints.extend([f"console: {said.text}"] if said.type == "error" else []))
    context.on("weberror", lambda raised: complaints.append(f"JavaScript: {raised.error}"))
    page = context.new_page()
    yield page
    context.close()
    assert not complaints, "\n".join(complaints)


def failed(url: str, why: str) -> list[str]:
    """Aborted is what nobody waits for any more: the test has left the page."""
    return [] if "ERR_ABORTED" in why else [f"failed: {url} ({why})"]


def refused(status: int, url: str) -> list[str]:
    return [f"{status}: {url}"] if status >= 400 else []


class LiteNotebook(Notebook):
    """The notebook that a page of the site's JupyterLite opens; its kernel runs in the page."""

    patience = 180.0  # a kernel starts in 8 seconds if the machine has nothing else to do

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wait_until_open()

    def source(self, number: int) -> str:
        """The text of the code cell [number]."""
        return str(
            self.page.evaluate(
                """number => jupyterapp.shell.currentWidget.content.widgets
                .filter(cell => cell.model.type === "code")[number - 1].model.sharedModel.getSource()""",
                number,
            )
        )

    def save_and_load_again(self) -> None:
        """As on the next day: saved, the tab closed, the notebook opened once more. The kernel is a new one."""
        self.do("panel.context.save()")
        self.page.reload()
        self.wait_until_open()
