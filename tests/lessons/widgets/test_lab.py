"""The laboratories without a browser: a comm that only remembers what was sent, as ipywidgets tests its own widgets."""

from __future__ import annotations

from typing import Any

import comm
import pytest
from comm.base_comm import BaseComm

from lessons.scenarios import find
from lessons.widgets.lab import RaceLab, SchedulerLab, follow
from mini_qemu.fixes import fixes, later
from mini_qemu.sched import Scenario, ScheduleError, explore
from tests import sample_scenarios


class Deaf(BaseComm):
    def publish_msg(self, *args: Any, **kwargs: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_kernel(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", Deaf)


def tell(lab: Any, **message: Any) -> dict[str, Any]:
    """What the browser does; what it then sees."""
    lab._handle_custom_msg(message, [])
    return lab.view


def test_a_later_fix_stands_on_the_series():
    lab = RaceLab(find("pause-while-pausing").scenario, fixes=["lock_to_dst_file"])
    assert lab.view["toggles"][0]["title"].startswith("upstream, 2023-09: ")
    assert {key: case["verdict"] for key, case in lab.view["cases"].items()} == {
        "": "failed",
        "lock_to_dst_file": "proved",
    }
    assert (fixes.on, later.on) == ((), ())
    for key, case in lab.view["cases"].items():
        drawn = case["trace"]["sources"].values()
        chips = {site["fix"]: site["on"] for source in drawn for site in source["sites"]}
        assert chips["lock_to_dst_file"] is bool(key)
        assert set(chips) - set(fixes.names) == {"lock_to_dst_file"}
    tell(lab, do="fixes", on=["lock_to_dst_file"])
    assert lab.view["on"] == ["lock_to_dst_file"]


def test_switching_a_fix_explores_once_for_each_state_of_the_code(monkeypatch):
    explored = []
    monkeypatch.setattr(
        "lessons.widgets.lab.explore", lambda *args, **of: explored.append(fixes.on) or explore(*args, **of)
    )
    lab = RaceLab(sample_scenarios.door, fixes=["join_created_thread"])
    assert lab.view["cases"][""]["verdict"] == "failed"
    view = tell(lab, do="fixes", on=["join_created_thread"])
    assert view["on"] == ["join_created_thread"]
    assert view["cases"]["join_created_thread"]["verdict"] == "proved"
    assert tell(lab, do="fixes", on=[])["on"] == []
    assert explored == [(), ("join_created_thread",)]
    monkeypatch.setitem(sample_scenarios.door.functions, "guest", (sample_scenarios.enter, ()))
    tell(lab, do="fixes", on=["join_created_thread"])
    assert len(explored) == 3


def test_the_fixes_of_the_rest_of_the_notebook_stay_as_they_are():
    with fixes.only("explicit_unregister"):
        tell(RaceLab(sample_scenarios.door, fixes=["join_created_thread"]), do="fixes", on=["join_created_thread"])
        assert fixes.on == ("explicit_unregister",)


def test_repr_is_the_result_with_the_fix_off_and_on():
    text = repr(RaceLab(sample_scenarios.door, fixes=["join_created_thread"]))
    off, on = text.splitlines()
    assert off.startswith("door without fixes: failed. ")
    assert on.startswith("door with join_created_thread: proved. ")
    assert text == repr(RaceLab(sample_scenarios.door, fixes=["join_created_thread"], on=["join_created_thread"]))


def test_the_run_shown_fits_the_verdict():
    view = RaceLab(sample_scenarios.door, fixes=["join_created_thread"]).view
    assert view["cases"][""]["trace"]["finding"]["kind"] == "crash"
    fixed = view["cases"]["join_created_thread"]["trace"]
    assert fixed["finding"] is None
    assert fixed["subtitle"] == "fixes on: join_created_thread"
    assert any("waits" in why for step in fixed["steps"] for why in step.get("blocked", {}).values())


def test_with_a_fix_on_the_run_begins_as_the_failing_one_that_is_shown():
    view = RaceLab(find("cancel-vs-exit").scenario, fixes=["lock_from_dst_file"]).view
    failing, fixed = (view["cases"][on]["trace"] for on in ("", "lock_from_dst_file"))
    assert failing["finding"], "there is something to compare with"
    threads = [[step["thread"] for step in trace["steps"]] for trace in (failing, fixed)]
    assert threads[1][: failing["opens"]] == threads[0][: failing["opens"]]


def test_a_wrong_fix_that_is_on_is_named_above_its_run():
    story = find("precopy-return-path")
    wrong = next(one for one in story.wrong_fixes if one.name == "test_under_lock")
    lab = RaceLab(story.scenario, wrong_fixes=[wrong])
    assert tell(lab, do="fixes", on=["test_under_lock"])["cases"]["test_under_lock"]["trace"]["subtitle"] == (
        "fixes on: test_under_lock"
    )


def test_the_verdict_does_not_name_the_method():
    found = RaceLab(sample_scenarios.lost_update).view["cases"][""]["sentence"]
    assert found == "4 interleavings, all run: 2 fail (2 check)."


def test_without_fixes_it_is_a_verdict_with_a_player():
    lab = RaceLab(sample_scenarios.lost_update)
    assert repr(lab) == "lost-update: failed. 4 interleavings, all run: 2 fail (2 check). [dpor]"
    assert lab.view["toggles"] == []


def test_unknown_fixes_are_refused_before_anything_is_explored():
    with pytest.raises(LookupError, match="did you mean join_created_thread"):
        RaceLab(sample_scenarios.door, fixes=["join_created_thred"])
    with pytest.raises(LookupError, match="not one of this laboratory's fixes"):
        RaceLab(sample_scenarios.door, fixes=["join_created_thread"], on=["explicit_unregister"])
    with pytest.raises(TypeError, match="wants a Scenario or a main function, not str"):
        RaceLab("door")


def test_an_error_in_the_kernel_is_a_sentence_in_the_widget(monkeypatch):
    some = ["join_created_thread", "lock_from_dst_file"]
    lab = RaceLab(sample_scenarios.door, fixes=[*some, "explicit_unregister"])

    def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("the learner's code divides by zero")

    monkeypatch.setattr("lessons.widgets.lab.explore", fails)
    view = tell(lab, do="fixes", on=some)
    assert view["message"] == "ZeroDivisionError: the learner's code divides by zero"
    assert view["on"] == [], "what is shown is still what was explored"
    assert "does not know how to 'dance'" in tell(lab, do="dance")["message"]


def test_the_bundle_has_the_live_and_the_resting_form():
    for lab in (RaceLab(sample_scenarios.door, fixes=["join_created_thread"]), SchedulerLab(sample_scenarios.ab_ba)):
        bundle = lab._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        assert set(data) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
        assert data["text/plain"] == repr(lab)
        assert data["text/html"] == (lab._repr_mimebundle_()[0] if isinstance(bundle, tuple) else bundle)["text/html"]


def test_the_learner_schedules():
    lab = SchedulerLab(sample_scenarios.ab_ba)
    assert lab.view["choices"] == ["A", "B"]
    view = tell(lab, do="move", thread="A")
    assert "with accounts.front" in view["next"]["A"]
    view = tell(lab, do="move", thread="B")
    assert view["heading"] == "you broke it"
    assert view["message"].startswith("deadlock: ")
    assert view["reasons"] == {
        "A": "waits for back, held by B since step 2",
        "B": "waits for front, held by A since step 1",
    }
    assert lab.schedule.startswith("v1:A1 B1#")
    view = tell(lab, do="undo")
    assert view["heading"] == "your turn"
    assert view["choices"] == ["A", "B"]
    assert tell(lab, do="reset")["trace"]["steps"] == []


def test_a_run_that_ends_well_says_so():
    lab = SchedulerLab(sample_scenarios.lost_update)
    for thread in "AABB":
        view = tell(lab, do="move", thread=thread)
    assert view["heading"] == "it held"
    assert view["reasons"] == {"A": "has finished", "B": "has finished"}
    assert repr(lab) == "You are the scheduler. lost-update: 4 steps of A, B; nothing fails."


def test_a_thread_that_cannot_move_says_why():
    lab = SchedulerLab(sample_scenarios.ab_ba)
    view = tell(lab, do="move", thread="Z")
    assert "there are only A, B" in view["message"]
    assert view["trace"]["steps"] == []


def test_a_schedule_to_begin_with():
    kept = SchedulerLab(sample_scenarios.lost_update)
    tell(kept, do="move", thread="A")
    assert SchedulerLab(sample_scenarios.lost_update, schedule=kept.schedule).view["trace"]["steps"][0]["thread"] == "A"
    with pytest.raises(ScheduleError):
        SchedulerLab(sample_scenarios.lost_update, schedule="nonsense")


def test_the_fixes_of_a_scheduler_are_those_it_was_made_with():
    lab = SchedulerLab(sample_scenarios.door, on=["join_created_thread"])
    view = tell(lab, do="move", thread="host")
    assert view["reasons"]["guest"] == "waits for bell, whose count is 0"
    assert fixes.on == ()


def test_every_view_differs_from_the_last(monkeypatch):
    lab = SchedulerLab(sample_scenarios.lost_update)
    seen = []
    lab.observe(lambda change: seen.append(change.new["serial"]), "view")
    tell(lab, do="undo")
    tell(lab, do="undo")
    assert len(seen) == 2


def test_following_a_wish_ends_every_thread():
    trace = follow(sample_scenarios.lost_update, ["A", "B", "B", "B", "A"])
    assert [step.thread for step in trace.steps] == ["A", "B", "B", "A"]
    assert isinstance(sample_scenarios.lost_update, Scenario)
