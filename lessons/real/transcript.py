# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened in a lab, as columns: one for each process and for you, time flows down.

The text is what nbval compares. Above it are one or more lines behind a bar that say where it comes from: run now,
or recorded. They differ from machine to machine, and tests/nbval_sanitise.cfg takes them out of the comparison.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

BAR = "┊ "
STOP = 28  # characters from one column to the next; an entry may be longer, since there is one in a line


@dataclass(frozen=True)
class Entry:
    """One line of one column. `kind`: "does" what it is told or decides, "shows" a state, "stop" if it cannot go on."""

    who: str
    kind: str
    text: str

    def __str__(self) -> str:
        return {"does": "› ", "shows": "  ", "stop": "✕ "}[self.kind] + self.text


class Transcript:
    """`entries` in their order; `result` is what the scene returned. True if the scene came to its end.

    `origin` says where it comes from; `live`: from a run just now; `qemu`: the version that ran, "" if none did.
    """

    def __init__(self, entries: Sequence[Entry], result: object = None, qemu: str = "", live: bool = True) -> None:
        self.entries = tuple(entries)
        self.result = result
        self.qemu = qemu
        self.live = live
        self.origin = ""

    @property
    def lanes(self) -> list[str]:
        """The columns, in the order in which they first do something."""
        return list(dict.fromkeys(entry.who for entry in self.entries))

    def __bool__(self) -> bool:
        return bool(self.entries) and all(entry.kind != "stop" for entry in self.entries)

    def of(self, who: str) -> list[str]:
        """The texts of one column."""
        return [entry.text for entry in self.entries if entry.who == who]

    @property
    def text(self) -> str:
        """The columns, without where they come from."""
        lanes = self.lanes
        head = "".join(f"  {who}".ljust(STOP) for who in lanes).rstrip()
        return "\n".join([head, *(" " * STOP * lanes.index(entry.who) + str(entry) for entry in self.entries)])

    def __repr__(self) -> str:
        origin = [BAR + line for line in self.origin.splitlines()]
        return "\n".join([*origin, self.text] if self.entries else origin)

    def _repr_html_(self) -> str:
        lanes = self.lanes
        left = ' style="text-align:left"'
        head = "".join(f'<th style="text-align:left;min-width:13em">{html.escape(who)}</th>' for who in lanes)
        rows = []
        for entry in self.entries:
            at = lanes.index(entry.who)
            text = html.escape(entry.text)
            text = {"does": f"<b>› {text}</b>", "shows": text, "stop": f"<b>✕ {text}</b>"}[entry.kind]
            skip = f'<td colspan="{at}"></td>' if at else ""
            rows.append(f'<tr>{skip}<td colspan="{len(lanes) - at}"{left}>{text}</td></tr>')
        origin = "\n".join(BAR + html.escape(line) for line in self.origin.splitlines())
        origin = f'<pre style="opacity:.75">\n{origin}\n</pre>' if origin else ""
        return f"{origin}<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
