# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m lessons.authoring.site [FOLDER]`: build the site, and say how large it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from lessons.authoring.site import SITE, build

parser = argparse.ArgumentParser(prog="python -m lessons.authoring.site", description="Build the course's site.")
parser.add_argument("folder", nargs="?", type=Path, default=SITE, help="where to (default: %(default)s)")
out = build(parser.parse_args().folder)
files = [path for path in out.rglob("*") if path.is_file()]
print(f"{out}: {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.0f} MB.")
print(f"Look at it with: python -m http.server --directory {out}")
