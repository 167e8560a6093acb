"""environment.yml says the same as pyproject.toml. Conda's channels cannot be reached from CI: its text is checked."""

from __future__ import annotations

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"matplotlib": "matplotlib-base"}  # all others are called as on PyPI, in small letters
# this course itself, and what only those who work on it need: they use make test
NOT_THERE = {"mini-qemu", "playwright", "distributed", "hatchling", "coverage", "notebook", "ruff", "mypy"}


def test_environment_has_the_ranges_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {"python": Requirement(f"python{project['requires-python']}").specifier}
    for requirement in map(Requirement, extras["lab"] + extras["test"]):
        if requirement.name not in NOT_THERE:
            wanted[CONDA_NAMES.get(requirement.name, requirement.name.lower())] = requirement.specifier

    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *packages, pip, ours = environment["dependencies"]
    assert pip == "pip"
    itself, *from_pypi = ours["pip"]
    found = {requirement.name: requirement.specifier for requirement in map(Requirement, packages + from_pypi)}

    assert environment["channels"] == ["conda-forge"]
    assert found == wanted
    assert itself == "-e ."


def test_each_package_has_its_reason():
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if line.lstrip().startswith("- ") and " # " not in line]
    assert bare == ["  - pip:"], "say in a comment behind the name what it is for"
