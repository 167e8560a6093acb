"""How it holds under bad input, faults and load; the figures go to tests/RELIABILITY.md.

    python -m tests.reliability fuzz [--only streams] [--count N | --share 0.01] [--seed N]
    python -m tests.reliability soak [--only faults]  [--count N | --share 0.01] [--seed N]

`fuzz` gives damaged input to functions of this process, `soak` starts real ones. Without --count or --share the full
numbers are run: about an hour and a half for `fuzz`, half an hour for `soak` on one core. The exit status is 1 if there
is a finding.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable

from tests.reliability import faults, interrupts, many, orders, requests, streams, texts
from tests.reliability.figures import Figure, figure, store

Trial = Callable[[Figure, int, int], None]
"""Fill in a figure with so many trials from this seed."""

FUZZ: dict[str, tuple[Trial, str, int]] = {
    "streams": (streams.fuzz, "streams", 1_000_000),
    "requests": (requests.fuzz, "sequences", 200_000),
    **{name: (trial, "texts", 20_000) for name, trial in texts.KINDS.items()},
}
SOAK: dict[str, tuple[Trial, str, int]] = {
    "faults": (faults.soak, "schedules", 1_000),
    "in a row": (many.soak, "migrations", 1_000),
    "interrupts": (interrupts.soak, "interrupts", 500),
    "any order": (orders.soak, "runs of the unit tests", 20),
}


def run(kind: str, only: str | None, count: int | None, share: float, seed: int, keep: bool = True) -> list[str]:
    """The findings."""
    table = FUZZ if kind == "fuzz" else SOAK
    if only is not None and only not in table:
        raise SystemExit(f"--only must be one of {', '.join(table)}, not {only!r}")
    found: list[str] = []
    for name, (trial, unit, target) in table.items():
        if only not in (None, name):
            continue
        command = f"python -m tests.reliability {kind} --only {shlex.quote(name)}"
        wanted = count if count is not None else max(1, round(target * share))
        with figure(name, f"{command} --count {wanted}", unit, target, seed) as made:
            trial(made, wanted, seed)
        if keep:
            store(made)
        found += made.findings
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("kind", choices=("fuzz", "soak"))
    parser.add_argument("--only", help="one kind of trial")
    parser.add_argument("--count", type=int, help="so many trials of each")
    parser.add_argument("--share", type=float, default=1.0, help="this part of the full number of trials of each")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    return 1 if run(args.kind, args.only, args.count, args.share, args.seed) else 0


if __name__ == "__main__":
    raise SystemExit(main())
