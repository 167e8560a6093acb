# SPDX-License-Identifier: GPL-2.0-or-later
"""Two laboratories beside the player: switch fixes and see the verdict change; be the scheduler.

Both are anywidgets around player.js with one synced trait, `view`: what the module draws. The browser answers with
messages (which fixes, which thread), Python makes a new view. Whatever fails in a handler becomes a sentence
in the widget, never a traceback nobody sees. Each has the two forms at rest as well: `repr` is the result, checked
by nbval, and text/html is the static table which the same module upgrades where scripts may run; there the toggles
work on the results that were stored.
Left out: Output widgets and interact, which hide errors and confuse nbval.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence, Set
from contextlib import AbstractContextManager
from typing import Any, Protocol

import anywidget
import traitlets

from lessons.player.at_rest import AtRest, folded, html_at_rest, module_text, style_text
from lessons.player.follow import follow
from lessons.player.player import Data, in_seam, plain, table, trace_data
from mini_qemu.fixes import all_on, any_fix, fixes, later, only
from mini_qemu.sched import (
    Explorable,
    Manual,
    Result,
    Scenario,
    SchedError,
    Trace,
    explore,
    format_schedule,
    minimise,
    parse_schedule,
    replay,
    scenario_of,
)

MINIMISE_UP_TO = 300  # up to here a second search, for the shortest failing run, is not felt


class Alternative(Protocol):
    """What is tried in the fixes' place: a wrong fix of a story, a line of a table. `scenario`: where it is refuted, if
    not in the lab's own."""

    @property
    def name(self) -> str: ...
    @property
    def idea(self) -> str: ...
    @property
    def fails(self) -> str: ...
    @property
    def kinds(self) -> frozenset[str]: ...
    @property
    def scenario(self) -> Scenario | None: ...

    def applied(self) -> AbstractContextManager[None]: ...


class _Lab(AtRest, anywidget.AnyWidget):
    """What both have in common: the view, the messages, the forms at rest."""

    _esm = module_text()
    _css = style_text()
    view = traitlets.Dict().tag(sync=True)

    def __init__(self, scenario: Explorable) -> None:
        if not isinstance(scenario, Scenario) and not callable(scenario):
            raise TypeError(f"{type(self).__name__} wants a Scenario or a main function, not {type(scenario).__name__}")
        super().__init__()
        self.scenario = scenario_of(scenario)
        self.serial = 0
        self.on_msg(self._receive)

    def _draw(self, **changes: Any) -> None:
        """A new view. The serial number makes it differ from the last one, so that the browser always hears of it."""
        self.serial += 1
        self.view = {**self.view, "message": "", **changes, "serial": self.serial}

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        try:
            self.obey(content)
        except KeyboardInterrupt:
            self._draw(heading="interrupted", verdict="turn", message="Interrupted. Nothing was changed; try it again.")
        except Exception as error:  # the learner's code may raise anything; it belongs on the screen
            kind = "" if isinstance(error, SchedError | LookupError) else f"{type(error).__name__}: "
            self._draw(heading="error", verdict="failed", message=f"{kind}{error}")

    def obey(self, message: dict[str, Any]) -> None:
        raise NotImplementedError

    def static(self) -> str:
        raise NotImplementedError

    def resting(self) -> Data:
        """The view where no kernel listens."""
        return {**self.view, "serial": 0, "message": ""}

    def _repr_html_(self) -> str:
        return html_at_rest(self.resting(), self.static())


class RaceLab(_Lab):
    """Switch fixes, see the verdict and a run. A switch explores the scenario, once for each set and state of the code.

        RaceLab(scenario, fixes=["join_created_thread"])
        RaceLab(main)

    `on`: the fixes that are on at first. A later fix stands on the series: as soon as `fixes` names one, the patches it
    does not name are on. `fixes` may be empty: then it is a verdict with a player. `wrong_fixes`: those
    that look right (objects with `name`, `idea`, `kinds` and `applied()`, as in lessons.scenarios), one at a time.
    `kind`: which kind of finding to show a run of, where there are several ("crash", "leak", ...); by default the one
    that is simplest to reach.
    """

    def __init__(
        self,
        scenario: Explorable,
        fixes: Sequence[str] = (),
        *,
        wrong_fixes: Iterable[Alternative] = (),
        on: Iterable[str] = (),
        title: str | None = None,
        kind: str = "",
        method: str = "auto",
        limit_seconds: float | None = None,
    ) -> None:
        self.fixes = _known([fixes] if isinstance(fixes, str) else fixes)
        self.always = _stands_on(self.fixes)
        self.wrong = {wrong.name: wrong for wrong in wrong_fixes}
        self.on = self._ordered(on)
        self.kind = kind
        self.method = method
        self.limit_seconds = limit_seconds
        self.results: dict[str, Result] = {}
        self._failing = "v1:"  # the run that is shown without fixes, if it fails
        self._known: dict[tuple[str, str], Result] = {}  # by the switches and the fingerprint of the code
        super().__init__(scenario)
        cases = {
            self._key(some): self._case(some, some == self.on or not self.wrong.keys() & some) for some in self._sets()
        }
        self._draw(
            mode="race",
            title=title or self.scenario.title or self.scenario.name,
            toggles=[
                *({"name": name, "title": _fix_title(name), "alone": False} for name in self.fixes),
                *({"name": wrong.name, "title": wrong.idea, "alone": True} for wrong in self.wrong.values()),
            ],
            on=self.on,
            cases=cases,
        )

    def _ordered(self, on: Iterable[str]) -> list[str]:
        wanted = list(on)
        if len(wanted) == 1 and wanted[0] in self.wrong:
            return wanted
        wanted = _known(wanted)
        outside = [name for name in wanted if name not in self.fixes]
        if outside:
            raise LookupError(f"{outside[0]} is not one of this laboratory's fixes: {', '.join(self.fixes) or 'none'}")
        return [name for name in self.fixes if name in wanted]

    def _sets(self) -> list[list[str]]:
        """Explored at once: no fix, each one, all; each wrong one; and the set to begin with."""
        found: list[list[str]] = []
        for some in [[], *([name] for name in self.fixes), self.fixes, *([name] for name in self.wrong), self.on]:
            if some not in found:
                found.append(some)
        return found

    @staticmethod
    def _key(on: Iterable[str]) -> str:
        return "+".join(on)

    def _case(self, on: list[str], with_run: bool = True) -> Data:
        """Explore with exactly these fixes (or one wrong one), and pick the run to show."""
        wrong = self.wrong.get(on[0]) if on else None
        with wrong.applied() if wrong else only(*self.always, *on):
            scenario = (wrong and wrong.scenario) or self.scenario  # some are refuted elsewhere
            asked = self._key(on), scenario.fingerprint
            if asked not in self._known or self._known[asked].verdict == "incomplete":
                self._known[asked] = explore(scenario, self.method, limit_seconds=self.limit_seconds)
            result = self.results[self._key(on)] = self._known[asked]
            kinds = wrong.kinds if wrong else {self.kind}
            trace = self._run_to_show(scenario, result, {self.kind} & kinds or kinds) if with_run else None
            if trace and trace.finding and not on:
                self._failing = trace.schedule
            besides = wrong.name if wrong else ""
            return {
                "verdict": result.verdict,
                "sentence": _sentence(result) + _why(wrong),
                "trace": trace and trace_data(trace, title=_run_title(trace), besides=besides, later=self.fixes),
            }

    def _run_to_show(self, scenario: Scenario, result: Result, kinds: Set[str]) -> Trace:
        """The simplest failing run; where nothing fails, the run that follows the one shown without fixes as long as it
        can."""
        failure = next((f for f in result.examples.values() if f.kind in kinds), result.failure)
        if failure is not None:
            few = result.runs <= MINIMISE_UP_TO and result.method != "states"
            return replay(scenario, minimise(scenario, failure) if few else failure.schedule)
        return follow(scenario, parse_schedule(self._failing)[0])

    def obey(self, message: dict[str, Any]) -> None:
        if message.get("do") != "fixes":
            raise ValueError(f"RaceLab does not know how to {message.get('do')!r}")
        on = self._ordered(message.get("on", []))
        case = self._case(on)
        self.on = on
        self._draw(on=on, cases={**self.view["cases"], self._key(on): case})

    def __repr__(self) -> str:
        lines = []
        for some in self._sets():
            bare = " after the series" if self.always else " without fixes" if self.fixes else ""
            named = f" with {' and '.join(some)}" if some else bare
            result = self.results[self._key(some)]
            why = _why(self.wrong.get(some[0]) if some else None)
            lines.append(f"{result.scenario}{named}" + repr(result).removeprefix(result.scenario) + why)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Verdicts and reasons are folded at rest: who has not run the cell may not have made a prediction yet."""
        shown = folded("Show the verdict over all interleavings, and a run", super()._repr_html_())
        return shown + "<p><em>Run this cell to try every interleaving and to play the run.</em></p>"

    def static(self) -> str:
        verdicts = "".join(f"<li>{html.escape(line)}</li>" for line in repr(self).splitlines())
        case = self.view["cases"][self._key(self.on)]
        return f"<ul>{verdicts}</ul>{table(case['trace'])}"  # the set to begin with always has its run


class SchedulerLab(_Lab):
    """You are the scheduler: pick who moves, see why the others cannot, undo; you are told when you broke it.

        SchedulerLab(scenario)

    `schedule`: where to begin; `on`: the fixes that are on (those on now).
    """

    def __init__(
        self, scenario: Explorable, *, schedule: str = "", on: Iterable[str] | None = None, title: str | None = None
    ) -> None:
        super().__init__(scenario)
        self.on = all_on() if on is None else tuple(_known(on))
        self.title = title or scenario_of(scenario).title or scenario_of(scenario).name
        with only(*self.on):
            self.manual = Manual(scenario, schedule)
        self.counts: list[int] = []  # how many steps there were before each move, for undo
        self._show()

    @property
    def schedule(self) -> str:
        """The run so far as text, to replay or to send to somebody."""
        return self.manual.schedule

    @property
    def trace(self) -> Trace:
        return self.manual.trace

    def obey(self, message: dict[str, Any]) -> None:
        with only(*self.on):
            match message.get("do"):
                case "move" | "run":
                    self._move(str(message.get("thread")), on=message["do"] == "run")
                case "undo":
                    self._back_to(self.counts.pop() if self.counts else len(self.trace.steps) - 1)
                case "reset":
                    self._back_to(0)
                case other:
                    raise ValueError(f"SchedulerLab does not know how to {other!r}")
            self._show()

    def _move(self, thread: str, on: bool) -> None:
        """One step; or on and on, until the thread waits, ends, or changes what is watched."""
        count = len(self.trace.steps)
        trace = self.manual.step(thread)
        self.counts.append(count)
        while on and thread in self.manual.choices() and not trace.steps[-1].changed:
            trace = self.manual.step(thread)

    def _back_to(self, count: int) -> None:
        """Take back all but the first `count` steps: the run is made again up to there."""
        threads = [step.thread for step in self.trace.steps[: max(0, count)]]
        self.counts = [earlier for earlier in self.counts if earlier < len(threads)]
        self.manual.close()
        self.manual = Manual(self.scenario, format_schedule(threads))

    def _show(self) -> None:
        manual = self.manual
        trace, choices = manual.trace, manual.choices()
        data = trace_data(trace, title=self.title, on=self.on)
        now = trace.steps[-1] if trace.steps else trace.initial
        heading, message, verdict = self._judge(trace, choices)
        self._draw(
            mode="scheduler",
            trace=data,
            choices=choices,
            next={thread: self._next(now, thread) for thread in choices},
            reasons={thread: self._reason(trace, now, thread) for thread in trace.threads if thread not in choices},
            schedule=trace.schedule,
            start="Nothing has run yet. Which thread moves first?",
            heading=heading,
            message=message,
            verdict=verdict,
        )

    @staticmethod
    def _judge(trace: Trace, choices: list[str]) -> tuple[str, str, str]:
        if trace.finding is not None:
            found = str(trace.finding).removeprefix("check: ")
            return "you broke it", f"{found}. The schedule below replays it.", "failed"
        if not choices:
            return "it held", "Every thread has finished and nothing failed. Undo, and try another order.", "held"
        return "your turn", "Choose the thread that makes the next step. Can you break it?", "turn"

    @staticmethod
    def _next(now: Any, thread: str) -> str:
        """The line the thread would run."""
        import linecache

        frames = [frame for frame in now.frames.get(thread, []) if not in_seam(frame[0])]
        if not frames:
            return ""
        file, _, line = frames[-1]
        return f"line {line}: {linecache.getline(file, line).strip()}"

    @staticmethod
    def _reason(trace: Trace, now: Any, thread: str) -> str:
        status = now.status.get(thread, "unborn")
        if thread in now.blocked:
            return str(now.blocked[thread])
        if status == "done":
            return "has finished"
        if status == "crashed":
            return "has crashed"
        return "the run has ended" if trace.finding is not None else "has not started"

    def __repr__(self) -> str:
        return (
            f"You are the scheduler. {plain(self.view['trace'])}"
            if self.view["trace"]["steps"]
            else (f"You are the scheduler of {self.scenario.name}: {', '.join(self.view['trace']['threads'])}.")
        )

    def resting(self) -> Data:
        message = "Run this cell to move the threads." if self.view["choices"] else self.view["message"]
        return {**super().resting(), "message": message}

    def static(self) -> str:
        trace = self.view["trace"]
        notes = {**self.view["reasons"], **self.view["next"]}
        stands = "".join(f"<li>{html.escape(f'{thread}: {notes[thread]}')}</li>" for thread in trace["threads"])
        told = table(trace) if trace["steps"] else f"<p>{html.escape(repr(self))}</p>"
        return f"{told}<ul>{stands}</ul><p>Run this cell to move the threads.</p>"


def _known(names: Iterable[str]) -> list[str]:
    return [any_fix(name).name for name in names]


def _stands_on(names: Sequence[str]) -> tuple[str, ...]:
    """The patches that are on whatever is switched: those of the series, if there is a later fix among the switches."""
    if set(later.names).isdisjoint(names):
        return ()
    return tuple(name for name in fixes.names if name not in names)


def _fix_title(name: str) -> str:
    fix = any_fix(name)
    return f"patch {fix.patch}: {fix.title}" if fix.patch else f"upstream, {fix.date}: {fix.title}"


def _why(wrong: Alternative | None) -> str:
    """The sentence that says why a wrong fix fails."""
    return f" {wrong.fails}" if wrong else ""


def _sentence(result: Result) -> str:
    """The result without its name and its verdict, which the lab shows beside it, and without the method's name."""
    return repr(result).removeprefix(f"{result.scenario}: {result.verdict}. ").replace(f" [{result.method}]", "")


def _run_title(trace: Trace) -> str:
    return "The shortest failing run" if trace.finding is not None else "One of the runs"
