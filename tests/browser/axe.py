"""axe-core, the accessibility checker, fetched from npm once a run; pinned, as eslint is in the Makefile."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = "axe-core@4.14.1"


def fetched(folder: Path) -> str:
    """The text of axe.min.js. Without npm the test is skipped, unless REQUIRE_NPM says that this must not be."""
    npm = shutil.which("npm")
    if npm is None:
        if os.environ.get("REQUIRE_NPM"):
            pytest.fail("npm is missing: accessibility was not checked")
        pytest.skip("npm is missing: accessibility is checked in CI only")
    subprocess.run(
        [npm, "install", "--silent", "--no-save", "--ignore-scripts", "--prefix", str(folder), AXE],
        check=True,
        capture_output=True,
    )
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, axe: str, within: str) -> list[str]:
    """What axe finds inside everything that matches the selector: rule, impact, and where."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(axe)
    found = page.evaluate(
        """async (within) => {
            const include = [...document.querySelectorAll(within)];
            const result = await axe.run({include}, {resultTypes: ["violations"]});
            return result.violations.flatMap(({id, impact, nodes}) =>
                nodes.map(node => `${id} (${impact}): ${node.target.join(" ")}: ${node.any.map(one => one.message)}`));
        }""",
        within,
    )
    assert page.locator(within).count(), f"nothing on the page is {within}"
    return found
