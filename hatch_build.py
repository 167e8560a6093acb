# SPDX-License-Identifier: GPL-2.0-or-later
"""What a wheel carries beside the packages. An editable install needs no copies: lessons/places.py finds the files."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = {
    "notebooks": "lessons/notebooks",
    ".jupyterlab": "lessons/jupyterlab",
    "tests/golden/matrix.txt": "lessons/golden/matrix.txt",
}


class CourseFiles(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"].update({f"{self.root}/{ours}": theirs for ours, theirs in FILES.items()})
