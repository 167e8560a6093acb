# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs on real threads showed on one machine, for places that have no threads: Python in a browser.

    python -m lessons.widgets.recorded_runs        makes all runs anew and writes recorded_runs.json

Each entry says where and with what it was made, and the widget that shows it says so, too.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".json")


class NotRecorded(LookupError):
    """Runs that this place cannot make and nobody has recorded; the message says what to do."""


def needed() -> bool:
    """Whether this Python can start neither a thread nor a process."""
    return sys.platform == "emscripten"


def recorded(scenario: str, on: Sequence[str] = ()) -> dict[str, Any]:
    """The `runs`, `failing`, `outcomes`, `seconds` and `where` of one scenario. Raises NotRecorded."""
    for entry in json.loads(FILE.read_text(encoding="utf-8")):
        if (entry["scenario"], entry["on"]) == (scenario, list(on)):
            return dict(entry)
    fixed = f" with {', '.join(on)}" if on else ""
    raise NotRecorded(
        f"A browser's Python has no real threads, and no runs of {scenario}{fixed} were recorded. "
        "To make some, install the course on your own computer."
    )


def machine() -> str:
    return f"{platform.system()}, {os.cpu_count()} processors, Python {platform.python_version()}"


def main() -> None:
    from lessons.widgets.free_running import FreeRuns

    entries = []
    for entry in json.loads(FILE.read_text(encoding="utf-8")):
        made = FreeRuns(entry["scenario"], entry["wanted"], entry["on"]).make()
        print(made)
        found = {"runs": made.runs, "failing": made.failing, "outcomes": made.outcomes, "seconds": made.seconds}
        entries.append({**entry, **found, "seconds": round(made.seconds, 1), "where": machine()})
    FILE.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
