from __future__ import annotations

import pytest

from lessons.player.scene import Scene
from lessons.scenarios import cancel_vs_exit, two_closers, warmups
from mini_qemu.fixes import fixes
from mini_qemu.sched import Scenario, Shared, Trace, free, minimise, replay


@pytest.fixture(autouse=True)
def no_fix():
    with fixes.none():
        yield


def failing(story: Scenario, kind: str = "") -> Trace:
    return replay(story, minimise(story, kind=kind))


def marks(scene: Scene) -> dict[str, str]:
    return {place["label"]: place["id"] for place in scene.plan()}


def test_values_alone_need_no_objects():
    assert Scene(failing(warmups.lost_update)).plan() == []


def test_the_scene_of_lesson_02_shows_who_points_to_whom():
    trace = failing(cancel_vs_exit.scenario, "use-after-free")
    scene = Scene(trace)
    by = marks(scene)
    assert set(by) == {"file QEMUFile#1", "file QEMUFile#2", "connection ioc", "yank list"}
    start, end = scene.at(trace.initial), scene.at(trace.steps[-1])
    assert start[by["file QEMUFile#1"]]["to"] == [by["connection ioc"]]
    assert start[by["connection ioc"]]["count"] == 2
    assert start[by["yank list"]]["items"] == [{"text": "ioc", "to": by["connection ioc"]}]
    assert Scene.arrows(trace.initial)["from_dst_file"] == [by["file QEMUFile#1"]]
    assert end[by["file QEMUFile#1"]] == {"gone": True}
    assert end[by["connection ioc"]]["count"] == 1
    assert Scene.arrows(trace.steps[-1])["from_dst_file"] == []


def test_in_lesson_05_the_list_points_to_a_ghost():
    trace = failing(two_closers.scenario)
    scene = Scene(trace)
    by, end = marks(scene), scene.at(trace.steps[-1])
    assert end[by["connection ioc"]] == {"gone": True}
    assert end[by["yank list"]]["items"][0]["to"] == by["connection ioc"]


def test_what_is_pointed_to_by_objects_stands_behind_them():
    places = Scene(failing(two_closers.scenario)).plan()
    assert {place["label"]: place["column"] for place in places} == {
        "file QEMUFile#1": 0,
        "file QEMUFile#2": 0,
        "connection ioc": 1,
        "yank list": 1,
    }
    assert {place["watch"] for place in places} == {"", "ioc.ref", "yank list"}


class Box(Shared):
    full: bool = False


class Shelf(Shared):
    box: Box | None = None

    def __init__(self) -> None:
        self.box = Box()


def fills(shelf: Shelf) -> None:
    box = shelf.box
    assert box is not None
    box.full = True


def clears(shelf: Shelf) -> None:
    box = shelf.box
    shelf.box = None
    free(box)


def test_a_program_of_ones_own_gets_its_objects_without_a_word():
    own = Scenario("shelf", Shelf, {"A": fills, "B": clears}, watch=lambda shelf: {"box": shelf.box})
    trace = replay(own, "v1:A1 B3 A1")
    scene = Scene(trace)
    (place,) = scene.plan()
    assert place["kind"] == "object"
    assert Scene.arrows(trace.initial) == {"box": [place["id"]]}
    assert scene.at(trace.steps[-1])[place["id"]] == {"gone": True}
