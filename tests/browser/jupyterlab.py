"""A real JupyterLab for the browser tests and benchmarks: a server on a free port, and a notebook open in Chromium.

The server has folders of its own for settings, trust and workspaces: nothing outside is read or changed. It starts with
the settings of `make lab` and three for the tests: the theme follows the browser's colour scheme, all cells are in the
page, not only those in sight, and nothing is saved by itself.

Each time a notebook is opened it lies in a fresh copy of notebooks/, so with a kernel, a progress file and a trust of
its own: no test finds what another one has saved, or a kernel that has counted its cells before.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessons.places import EXTENSION, SETTINGS
from tests.conftest import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ROOT = Path(__file__).parent.parent.parent
SCREENSHOTS = ROOT / "build" / "screenshots"
TOKEN = "browser-tests"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--force-device-scale-factor=1"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
FOR_TESTS: dict[str, Any] = {
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "scrollPastEnd": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}


class JupyterLab:
    """One server. `folder` holds copies of the notebooks and everything that is written.

    `hook`: with the settings of `mini-qemu lab`; without, as `jupyter lab` starts where the course is installed.
    """

    module, app, opens = "jupyterlab", "LabApp", "doc/tree"

    def __init__(self, folder: Path, trusted: bool = True, hook: bool = True) -> None:
        self.folder = folder
        self.opened = 0
        settings = folder / "app_settings"
        settings.mkdir()
        shipped = json.loads((ROOT / ".jupyterlab" / "overrides.json").read_text(encoding="utf-8"))
        (settings / "overrides.json").write_text(json.dumps(shipped | FOR_TESTS), encoding="utf-8")
        own = {"JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
               "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR"}  # fmt: skip
        self.environment = os.environ | {name: str(folder / name.lower()) for name in own}
        if trusted:
            self.trust(*sorted((ROOT / "notebooks").glob("*.ipynb")))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "jupyterlab.log"
        command = [
            *(sys.executable, "-m", self.module, "--no-browser", "--allow-root", "--expose-app-in-browser"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"),
            f"--{self.app}.app_settings_dir={settings}",
            f"--{self.app}.extra_labextensions_path={EXTENSION.parent}",  # this checkout's, not an installed copy
            *([f"--config={SETTINGS / 'jupyter_server_config.py'}"] if hook else []),
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.wait_for_answer()

    def trust(self, *notebooks: Path) -> None:
        """What is trusted is the content, wherever a copy of it lies."""
        command = [sys.executable, "-m", "jupyter", "trust", *map(str, notebooks)]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)

    def fresh(self) -> Path:
        """A new copy of notebooks/."""
        self.opened += 1
        copy = self.folder / str(self.opened)
        return shutil.copytree(ROOT / "notebooks", copy, ignore=shutil.ignore_patterns(".*"))

    def wait_for_answer(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/api", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.close()
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text(encoding='utf-8')[-4000:]}")

    def close(self) -> None:
        """Ask politely, so that it ends its kernels; then end whatever is left of its session."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Notebook7(JupyterLab):
    """The same with the other application of Jupyter, which shows one document a page."""

    module, app, opens = "notebook", "JupyterNotebookApp", "notebooks"


class Notebook:
    """One notebook open in a page. `page` is Playwright's, for everything not said here.

    Without `folder` it is opened in a fresh one.
    """

    def __init__(self, page: Page, lab: JupyterLab, name: str, folder: Path | None = None) -> None:
        self.page = page
        self.folder = folder or lab.fresh()
        end_kernels(page)
        page.goto(f"{lab.url}/{lab.opens}/{self.folder.name}/{name}?token={TOKEN}&reset")
        self.wait_until_open()

    def wait_until_open(self) -> None:
        self.wait_for("() => window.jupyterapp?.shell.currentWidget?.sessionContext")
        self.do("Promise.all([jupyterapp.restored, panel.context.ready, panel.revealed, panel.sessionContext.ready])")
        self.wait_until_idle()

    patience = 60.0  # seconds, for whatever is awaited

    def wait_for(self, condition: str, seconds: float = 0) -> None:
        """Ask now and then; Playwright's own rhythm makes the browser paint 60 times a second while a kernel works."""
        self.page.wait_for_function(condition, timeout=(seconds or self.patience) * 1000, polling=50)

    def do(self, promise: str, seconds: float = 0) -> None:
        """Wait for something that JupyterLab does; unlike `page.evaluate` not for ever."""
        self.page.evaluate(
            f"""() => {{
                const panel = jupyterapp.shell.currentWidget;
                window.done = false;
                {promise}.then(() => window.done = true, error => window.done = String(error));
            }}"""
        )
        self.wait_for("() => window.done", seconds)
        assert self.page.evaluate("() => window.done") is True

    @property
    def cells(self) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell")

    @property
    def code(self) -> Locator:
        """The code cells; `.nth(0)` is the one that shows [1] after a run."""
        return self.page.locator(".jp-Notebook .jp-CodeCell")

    def output(self, number: int) -> Locator:
        """What the code cell [number] shows."""
        return self.code.nth(number - 1).locator(".jp-Cell-outputArea")

    def run_all(self) -> None:
        self.do("jupyterapp.commands.execute('notebook:run-all-cells')", seconds=300)  # 10 where nothing else runs
        self.wait_until_idle()

    def run_cell(self, number: int) -> None:
        """Select the code cell [number] and run it, as a learner does."""
        self.code.nth(number - 1).locator(".jp-InputArea-editor").click()
        self.do("jupyterapp.commands.execute('notebook:run-cell')")  # what Ctrl+Enter does; it says when it is done
        self.wait_until_idle()

    def write(self, number: int, text: str) -> None:
        """Put another text into the code cell [number], as a learner who has retyped it."""
        self.page.evaluate(
            """([number, text]) => {
                const cells = jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.model.type === "code");
                cells[number - 1].model.sharedModel.setSource(text);
            }""",
            [number, text],
        )

    def save_and_open_again(self) -> None:
        """As on the next day: saved, the kernel restarted, the page loaded anew."""
        self.do("panel.context.save()")
        self.restart()
        self.page.reload()
        self.wait_until_open()

    def there_again(self) -> None:
        """The next day of a notebook as it is now: if a run could be played, it plays."""
        playing = self.page.locator(".mqp").count()
        self.save_and_open_again()
        if playing:
            self.plays_at_rest()
        assert self.complains_at_rest() == []

    def complains_at_rest(self) -> list[str]:
        """What JupyterLab says where a cell asks for a widget of a kernel that is gone."""
        shown = self.page.locator(".jp-Notebook").inner_text()
        return [one for one in ("Error displaying widget", "model not found", "Loading widget") if one in shown]

    def plays_at_rest(self) -> None:
        """No cell asks for a widget of a kernel that is gone, and players play."""
        self.page.locator(".mqp").first.wait_for(state="attached")
        self.page.evaluate("() => document.querySelectorAll('.jp-Notebook details').forEach(one => one.open = true)")
        assert self.complains_at_rest() == []
        for player in self.page.locator(".mqp").all():
            player.press("End")
            shown = player.inner_text()
            player.press("Home")
            assert player.inner_text() != shown or "Nothing has run yet" in shown

    def restart(self) -> None:
        self.do("panel.sessionContext.restartKernel()")
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """The kernel is idle and no cell waits for it; then two frames, so that what arrived is painted."""
        self.wait_for(
            """() => jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === "idle"
                && ![...document.querySelectorAll(".jp-InputPrompt")].some(e => e.textContent.includes("*"))"""
        )
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def errors(self) -> list[str]:
        """What went wrong where nothing should: errors of all cells but those tagged raises-exception."""
        return self.page.evaluate(
            """() => jupyterapp.shell.currentWidget.model.toJSON().cells
                .filter(cell => !cell.metadata.tags?.includes("raises-exception"))
                .flatMap(cell => cell.outputs ?? [])
                .filter(output => output.output_type === "error")
                .map(output => `${output.ename}: ${output.evalue}`)"""
        )

    def theme(self, scheme: str) -> None:
        """ "light" or "dark"."""
        self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        light = str(scheme == "light").lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")  # it covers the page while the theme loads

    def screenshot(self, name: str, of: Locator | None = None) -> list[Path]:
        """The whole notebook, or one element of it, in both themes: build/screenshots/NAME-light.png and -dark.png.

        To look at them: only where the environment has SCREENSHOTS, for all take four minutes.
        """
        if not os.environ.get("SCREENSHOTS"):
            return []
        size = self.page.viewport_size
        assert size is not None
        # the notebook scrolls inside the page: make the page as high as what is to be seen
        seen = of or self.page.locator(".jp-WindowedPanel-outer")
        height = max(size["height"], int(seen.evaluate("node => node.scrollHeight")) + 200)
        self.page.set_viewport_size({"width": size["width"], "height": min(height, 16_000)})
        paths = []
        for scheme in ("light", "dark"):
            self.theme(scheme)
            paths.append(SCREENSHOTS / f"{name}-{scheme}.png")
            (of or self.page.locator(".jp-Notebook")).screenshot(path=paths[-1])
        self.theme("light")
        self.page.set_viewport_size(size)
        return paths


@contextmanager
def chromium_browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def quiet_page(
    browser: Browser, width: int = 1280, height: int = 900, known: str = "\0", **options: Any
) -> Iterator[Page]:
    """A page of its own; at the end it must not have raised an error in JavaScript nor asked for anything outside.

    `known`: words of an error that is not ours.
    """
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    with quiet(context.new_page(), known) as page:
        yield page
    context.close()


@contextmanager
def quiet(page: Page, known: str = "\0") -> Iterator[Page]:
    """The same for a page that others use before and after."""
    complaints: list[str] = []

    def raised(error: Any) -> None:
        complaints.extend([f"JavaScript: {error}"] if known not in str(error) else [])

    def asked(request: Any) -> None:
        complaints.extend(outside(request.url))

    page.on("pageerror", raised)
    page.on("request", asked)
    yield page
    page.remove_listener("pageerror", raised)
    page.remove_listener("request", asked)
    assert not complaints, "\n".join(complaints)


def end_kernels(page: Page) -> None:
    """End those of the notebooks that were opened in this page."""
    page.evaluate("() => window.jupyterapp?.serviceManager.sessions.shutdownAll().catch(() => {})")


def outside(url: str) -> list[str]:
    here = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "file:", "about:")
    return [] if url.startswith(here) else [f"a request that leaves this machine: {url}"]
