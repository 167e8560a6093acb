from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from lessons.player import Player, trace_data
from lessons.player.at_rest import (
    MARK,
    compact,
    html_at_rest,
    module_text,
    packed,
    style_text,
    unpacked,
    with_module,
    without_module,
)
from lessons.player.player import table
from lessons.scenarios import find
from lessons.widgets.lab import follow
from mini_qemu.fixes import fixes
from mini_qemu.sched import Trace, explore, minimise, replay
from tests import sample_scenarios


def failing(scenario: Any) -> Trace:
    return replay(scenario, explore(scenario).failure.schedule)


@pytest.fixture
def door() -> dict[str, Any]:
    with fixes.none():
        return trace_data(failing(sample_scenarios.door))


@pytest.fixture
def fixed_door() -> dict[str, Any]:
    with fixes.only("join_created_thread"):
        return trace_data(follow(sample_scenarios.door, []))


def whole(data: dict[str, Any]) -> list[dict[str, Any]]:
    """What the module makes of the differences: every moment in full."""
    moments = [data["initial"]]
    for step in data["steps"]:
        before = moments[-1]
        merged = {key: {**before[key], **step.get(key, {})} for key in ("where", "status", "state")}
        moments.append({**merged, **{key: step.get(key, before[key]) for key in ("blocked", "locks")}})
    return moments


def test_the_data_is_plain_and_small(door):
    assert json.loads(json.dumps(door)) == door
    assert len(json.dumps(door)) < 10_000


def test_differences_add_up_to_the_trace():
    trace = failing(sample_scenarios.door)
    moments = whole(trace_data(trace))
    assert len(moments) == len(trace.steps) + 1
    for moment, step in zip(moments[1:], trace.steps, strict=True):
        assert moment["state"] == step.state
        assert moment["locks"] == step.locks
        assert moment["blocked"] == step.blocked
        assert {t: s for t, s in moment["status"].items() if s != "unborn"} == step.status


def test_a_place_is_a_line_of_a_source(door):
    for moment in whole(door):
        for place in filter(None, moment["where"].values()):
            source = door["sources"][place[0]]
            assert source["first"] <= place[1] < source["first"] + len(source["lines"])
    for step in door["steps"]:
        assert step.get("at", ["S0"])[0] in door["sources"]


def test_the_caller_is_named(door):
    assert any(place and place[2:] == ["guest"] for moment in whole(door) for place in moment["where"].values())


def test_the_inactive_arm_is_grey_and_its_site_tagged(door):
    guest = next(source for source in door["sources"].values() if source["function"] == "guest")
    grey = [guest["lines"][line - guest["first"]].strip() for line in guest["grey"]]
    assert grey == ["door.bell.wait()"]
    assert [(site["fix"], site["on"]) for site in guest["sites"]] == [("join_created_thread", False)]
    assert door["subtitle"] == "fixes on: none"


def test_every_fix_that_is_on_is_named_as_the_switches_show_it():
    with fixes.only("explicit_unregister", "join_created_thread"):
        shown = trace_data(failing(sample_scenarios.lost_update))["subtitle"]
    assert shown == "fixes on: join_created_thread, explicit_unregister"
    assert trace_data(failing(sample_scenarios.lost_update), on=[])["subtitle"] == "", "no fix is involved"
    with fixes.only(*fixes.names):
        assert trace_data(failing(sample_scenarios.lost_update))["subtitle"] == "fixes on: all five of the series"


def test_a_sentence_uses_the_words_of_the_state_table(door, fixed_door):
    for step in [*door["steps"], *fixed_door["steps"]]:
        for label in step.get("changed", []):
            assert label in step["text"]
    assert any("; door: False → True" in step["text"] for step in fixed_door["steps"])


def test_writing_the_same_value_again_is_a_write():
    steps = trace_data(failing(sample_scenarios.lost_update))["steps"]
    assert [(step.get("changed", []), step["writes"]) for step in steps if step["op"] == "write"] == [
        (["value"], ["value"]),
        ([], ["value"]),
    ]


def test_a_thread_is_unborn_until_it_is_started(fixed_door):
    assert fixed_door["initial"]["status"]["opener"] == "unborn"
    assert fixed_door["initial"]["where"]["opener"] is None
    assert [step["woke"] for step in fixed_door["steps"] if step["op"] == "spawn"] == [["opener"]]


def test_the_rule_that_breaks_is_told_where_it_breaks():
    with fixes.none():
        data = trace_data(failing(find("cancel-vs-pause").scenario))
    owner = next(rule for rule in data["invariants"] if rule["name"] == "INV-OWNER")
    assert owner["broken"]
    told = data["steps"][owner["broken"] - 1]["text"]
    assert told.endswith(f"INV-OWNER no longer holds: {owner['meaning']}")
    assert "<b>INV-OWNER</b> no longer holds" in table(data)


def test_who_lets_whom_go_on(fixed_door):
    woke = {(step["thread"], step["op"]): step.get("woke") for step in fixed_door["steps"]}
    assert sorted(woke["opener", "post"]) == ["guest", "host"]
    assert any(step["text"].endswith("; host and guest can go on") for step in fixed_door["steps"])


def test_the_crash_has_its_line(door):
    found = door["finding"]
    source = door["sources"][found["source"]]
    assert (found["kind"], found["thread"], source["function"]) == ("crash", "guest", "enter")
    assert "assert door.is_open" in source["lines"][found["line"] - source["first"]]


def test_one_sentence_at_rest():
    assert repr(Player(failing(sample_scenarios.lost_update))) == (
        "lost-update: 4 steps of A, B; then failed check: the check is false at the end"
    )


def test_the_static_table_tells_the_story_without_scripts(door):
    text = Player(door)._repr_html_()
    static = re.sub(r"(?s)<script.*?</script>", "", text)
    assert "<script" not in static
    assert "the door is shut" in static
    assert static.count("<tr>") == len(door["steps"]) + 2
    assert not re.search(r"line \d", static), "a line number would change with every edit above it"


def test_two_players_of_one_run_are_the_same_text(door):
    assert Player(door)._repr_html_() == Player(door)._repr_html_()
    bundle = Player(door)._repr_mimebundle_()
    assert list(bundle) == ["text/plain", "text/html"]


def test_nothing_in_the_script_can_end_it_or_reach_the_network():
    form = html_at_rest({"a": "</script><!--"}, "")
    assert form.count("</script") == 1
    assert "<!--" not in form
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", module_text() + style_text())
    assert not re.search(r"\bimport\b", re.sub(r"//.*|/\*[\s\S]*?\*/|\|import\|", "", module_text()))


def test_importing_lessons_is_cheap():
    heavy = {"matplotlib", "anywidget", "ipywidgets", "IPython", "mini_qemu.sched"}
    code = f"import sys, lessons; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_unknown_name_says_what_there_is():
    import lessons

    with pytest.raises(AttributeError, match=r"it has .*Player.*SchedulerLab"):
        _ = lessons.Playr


def test_no_address_gets_into_a_trace_of_the_miniature():
    from lessons.scenarios.precopy_return_path import scenario

    text = Player(failing(scenario))._repr_html_()
    assert " object at 0x" not in text
    assert "<details>" in text, "a long table waits until it is asked for"


def test_packed_data_comes_back_as_it_was(door):
    assert unpacked(packed({"mode": "player", "trace": door})) == json.loads(
        json.dumps({"mode": "player", "trace": door})
    )


def test_the_module_can_be_taken_out_of_an_output_and_put_back(door):
    fresh = Player(door)._repr_html_()
    bare = without_module(fresh)
    assert MARK in fresh
    assert MARK not in bare
    assert len(fresh) - len(bare) > 20_000
    assert without_module(bare) == bare
    assert with_module(bare) == with_module(fresh) == fresh
    assert with_module(bare + bare) == fresh + bare, "one module for two players"


def drawn(data: dict[str, Any]) -> list[str]:
    """The lines of all panes, without those that are left out for good."""
    return [
        line
        for source in data["sources"].values()
        for number, line in enumerate(source["lines"], source["first"])
        if number not in source.get("gone", [])
    ]


def test_a_later_fix_that_is_off_is_not_drawn():
    """No pane of the lessons about the series shows what came years later, unless it is asked for."""
    with fixes.all():
        trace = failing(find("cancel-while-pausing").scenario)
        plain, asked = trace_data(trace), trace_data(trace, later=["lock_to_dst_file"])
    assert not [line for line in drawn(plain) if "later." in line]
    assert [line.strip() for line in drawn(asked) if "later." in line] == ["if later.lock_to_dst_file:"] * 2
    chips = {site["fix"] for source in plain["sources"].values() for site in source["sites"]}
    assert chips <= set(fixes.names)


def test_a_notebook_carries_the_module_without_what_nobody_reads_there():
    kept = compact("/* a\n * b\n */\n  const a = 1; // why\n\n  // not kept\n    f(`x`);\n")
    assert kept == "const a = 1; // why\nf(`x`);"
    spans_lines = [line for line in module_text().splitlines() if len(re.findall(r"(?<!\\)`", line)) % 2]
    assert not spans_lines, "indentation inside a text would be lost"


def test_the_module_stays_small():
    assert len(module_text().encode()) <= 60_000


def test_a_message_knows_which_step_sent_it():
    """First in, first out; the end of a channel was sent by nobody."""
    with fixes.none():
        story = find("precopy-return-path").scenario
        data = Player(replay(story, minimise(story, kind="crash"))).data
    steps = data["steps"]
    taken = {i: step for i, step in enumerate(steps, 1) if "from" in step}
    assert {step["message"] for step in taken.values()} >= {"PING", "PONG", "SHUT", "the header of the stream"}
    for i, step in taken.items():
        sent = steps[step["from"] - 1]
        assert (sent["op"], step["op"], step["from"] < i) == ("send", "recv", True)
        assert step["message"] in sent["text"]
    assert len({step["from"] for step in taken.values()}) == len(taken), "each is taken once"
