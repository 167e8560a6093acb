"""How the site is made, as far as no network is needed: what the pages say, what the browser's Python is made of."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from lessons.authoring.normalise import clean, loads
from lessons.authoring.site import lite, pages, python
from lessons.places import EXTENSION, NOTEBOOKS, ROOT, notebooks

LOCK = {
    "ipython": {"version": "9.0", "depends": ["stack_data", "six"]},
    "stack-data": {"version": "0.6", "depends": ["six"]},
    "six": {"version": "1.17", "depends": []},
}


def test_each_lesson_says_what_it_is_about_and_how_long_it_takes():
    listed = pages.lessons()
    assert [lesson.name for lesson in listed] == [path.stem for path in notebooks()]
    for lesson in listed:
        assert lesson.title
        assert not lesson.title[0].isdigit()
        if lesson.number:
            assert lesson.about, f"{lesson.name} has no row in the map of notebook 00"
            assert lesson.time, f"{lesson.name} does not say how long it takes"


def test_a_page_has_the_outputs_and_no_link_to_a_notebook_file():
    lesson = next(lesson for lesson in pages.lessons() if lesson.number == "01")
    text = pages.page(lesson, previous=None, next=None)
    assert "mini-qemu-at-rest" in text
    assert 'href="glossary.html#BQL"' in text
    assert '.ipynb"' not in text.replace(";path=01_missing_join.ipynb", "")
    assert '<details class="mini-qemu-folded" open' not in text


def test_the_dependencies_are_found_under_either_spelling():
    assert python.with_dependencies(["ipython"], LOCK) == ["ipython", "six", "stack-data"]


def test_a_version_is_pyodides_or_the_one_installed_here():
    assert python.requirement("six", LOCK) == "six==1.17"
    assert python.requirement("ipywidgets", LOCK).startswith("ipywidgets==8.")
    assert python.requirement("no-such-package", LOCK) == "no-such-package"


def test_an_entry_of_the_lock_file_has_the_wheels_digest(tmp_path: Path):
    wheel = tmp_path / "Some_Thing-1.2-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    name, entry = python.entry(wheel)
    assert (name, entry["version"], entry["file_name"]) == ("some-thing", "1.2", wheel.name)
    assert entry["sha256"] == hashlib.sha256(b"wheel").hexdigest()


def test_what_fails_is_said(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(python.subprocess.CalledProcessError):
        python.run(python.sys.executable, "-c", "raise SystemExit('no network')")
    assert "no network" in capsys.readouterr().err


def test_the_notebooks_are_trusted_and_otherwise_as_they_are():
    path = NOTEBOOKS / "00_start_here.ipynb"
    served = json.loads(json.dumps(lite.served(path)))
    code = [cell for cell in served["cells"] if cell["cell_type"] == "code"]
    assert all(cell["metadata"].pop("trusted") for cell in code)
    assert all(isinstance(output["data"]["text/html"], str) for output in code[0]["outputs"]), "lines do not run"
    assert clean(served) == loads(path.read_text(encoding="utf-8"))


def test_the_extension_has_the_version_of_the_package():
    package = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    assert f'version = "{package["version"]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert (EXTENSION / package["jupyterlab"]["_build"]["load"]).is_file()
