"""What the explorer cannot look into is refused, not proved: functions made from text, files that stand elsewhere."""

import functools
import importlib
import importlib.util
import string
import sys
import threading

import pytest

from mini_qemu.sched import InstrumentationError, control, explore
from mini_qemu.sched.clerk import CONTROLLED
from mini_qemu.sched.places import is_library

SOURCE = """
class Counter:
    def __init__(self, start):
        self.n = start

def add(box):
    seen = box[0]
    box[0] = seen + 1

def add_all(box):
    def work():
        box[0] += 1
    return work
"""


def both(*work):
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture(params=["named", "nameless", "plain", "here"])
def from_text(request):
    named = {"__name__": "nowhere"}
    scope = {"named": named, "here": {"__name__": __name__}, "nameless": {"__name__": None}, "plain": {}}[request.param]
    exec(SOURCE, scope)
    return scope


@pytest.fixture
def elsewhere(tmp_path):
    """The same as a module in a folder that has nothing to do with these tests."""
    file = tmp_path / "elsewhere.py"
    file.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("elsewhere", file)
    made = sys.modules["elsewhere"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    yield vars(made)
    del sys.modules["elsewhere"]
    CONTROLLED.discard("elsewhere")


def programs(scope):
    box, add, add_all, counter = [0], scope["add"], scope["add_all"], scope["Counter"]

    def as_target():
        both(functools.partial(add, box), functools.partial(add, box))
        assert box[0] == 2

    def called():
        both(lambda: add(box), lambda: add(box))
        assert box[0] == 2

    def inner():
        both(add_all(box), add_all(box))
        assert box[0] == 2

    def made():
        one = counter(0)
        both(lambda: setattr(one, "n", one.n + 1), lambda: setattr(one, "n", one.n + 1))
        assert one.n == 2

    return [as_target, called, inner, made]


def test_a_function_made_from_text_is_refused(from_text):
    for main in programs(from_text):
        with pytest.raises(InstrumentationError, match=r"was made from text.*define it in a file"):
            explore(main)


def test_so_is_a_program_made_from_text(from_text):
    with pytest.raises(InstrumentationError, match=r"<string>:.*add was made from text"):
        explore(functools.partial(from_text["add"], [0]))


def test_a_file_that_stands_elsewhere_is_explored_where_a_name_leads_to_it(elsewhere):
    for main in programs(elsewhere):
        CONTROLLED.discard("elsewhere")
        assert explore(main).failing, main


def test_otherwise_it_is_refused_until_it_is_controlled(elsewhere, monkeypatch):
    monkeypatch.setattr(string, "add", elsewhere["add"], raising=False)  # a library's attribute

    def main():
        box = [0]
        both(lambda: string.add(box), lambda: string.add(box))
        assert box[0] == 2

    with pytest.raises(InstrumentationError, match=r"test_unseen.py:\d+: .*elsewhere.py.*control\('elsewhere'\)"):
        explore(main)
    control("elsewhere")
    assert explore(main).failing


def test_what_a_test_is_given_is_put_back(elsewhere):
    counter = elsewhere["Counter"](0)

    def main(counter):
        both(lambda: setattr(counter, "n", counter.n + 1), lambda: setattr(counter, "n", counter.n + 1))
        assert counter.n == 2

    result = explore(functools.partial(main, counter))
    assert (result.failing, result.classes) == (2, 4)
    assert counter.n == 0


def test_what_was_installed_in_a_folder_of_its_own_is_a_library(tmp_path, monkeypatch):
    for name in ("vendored/__init__.py", "vendored/inside.py", "single.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    modules = [importlib.import_module(name).__name__ for name in ("vendored", "vendored.inside", "single")]
    assert not any(map(is_library, modules))
    is_library.cache_clear()
    (tmp_path / "vendored-1.0.dist-info").mkdir()
    assert all(map(is_library, modules))


def test_libraries_stay_libraries():
    explore(functools.partial(len, ()))
    explore(functools.partial(functools.partial(both, int), int))
    assert not {"functools", "builtins"} & CONTROLLED
