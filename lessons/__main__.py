# SPDX-License-Identifier: GPL-2.0-or-later
"""mini-qemu: a course on concurrency bugs that you can run.

  mini-qemu lab [FOLDER]          open the course in JupyterLab, on notebooks of your own
  mini-qemu explore STORY|FILE    run every interleaving of a story, or of a scenario in your Python file
  mini-qemu check FILE            judge your answers in a notebook or a Python file
  mini-qemu real                  lesson 07's scenes with the QEMU of this machine; play or record them

For teachers and authors:

  mini-qemu grade FOLDER          judge a class; --csv writes points and reasons
  mini-qemu assignment FOLDER     a lesson's exercises for nbgrader or Otter-Grader
  mini-qemu matrix                every story with every set of fixes
  mini-qemu audit                 does the course keep its promises?

`mini-qemu COMMAND --help` lists the options of a command. `python -m lessons` does the same as `mini-qemu`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

COMMANDS = {
    "lab": "lessons.commands.lab",
    "explore": "lessons.commands.explore",
    "check": "lessons.commands.check",
    "real": "lessons.commands.real",
    "grade": "lessons.commands.grade",
    "assignment": "lessons.commands.assignment",
    "matrix": "lessons.authoring.matrix",
    "audit": "lessons.commands.audit",
}
OLDEST = (3, 11)


def main(arguments=None) -> int:  # type: ignore[no-untyped-def]  # this file must be read by any Python 3
    if sys.version_info < OLDEST:
        have = "%d.%d" % sys.version_info[:2]  # noqa: UP031
        print("The course needs Python 3.11 or later; this is Python " + have + ".", file=sys.stderr)
        return 2
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["--version"], ["-V"]):
        from importlib.metadata import version

        print("mini-qemu " + version("mini-qemu"))
        return 0
    if not given or given[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if given else 2
    if given[0] not in COMMANDS:
        print(f"There is no command {given[0]!r}; there are {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    if given[0] != "lab":
        os.environ.setdefault("MINI_QEMU_PROGRESS", "")  # what a command line tries is nobody's progress
    return int(import_module(COMMANDS[given[0]]).main(given[1:]))


if __name__ == "__main__":
    sys.exit(main())
