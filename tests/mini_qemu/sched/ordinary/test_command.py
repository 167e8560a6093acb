"""`python -m mini_qemu.sched FILE.py[:FUNCTION]`."""

import textwrap
from pathlib import Path

import pytest

from mini_qemu.sched.command import main

CLASSICS = str(Path(__file__).with_name("classics.py"))


def test_a_failure_is_told_and_its_schedule_can_be_replayed(capsys):
    assert main([f"{CLASSICS}:lost_update"]) == 1
    told = capsys.readouterr().out
    assert told.startswith("lost_update: failed. 4 interleavings, all run: 2 fail (2 crash). [dpor]")
    assert "Shared without synchronisation: Account.balance." in told
    schedule = told.rsplit('--replay "', 1)[1].split('"')[0]
    assert main([f"{CLASSICS}:lost_update", "--replay", schedule]) == 0
    assert "AssertionError" in capsys.readouterr().out


def test_the_exit_status_says_proved_or_incomplete(capsys):
    assert main([f"{CLASSICS}:lost_update_fixed"]) == 0
    assert main([f"{CLASSICS}:lost_update_fixed", "--seconds", "0"]) == 2
    assert "this proves nothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def main(:", "is not Python: line 1"),
        ("x = 1\n1 / 0", "broken.py:2 stops with ZeroDivisionError"),
        ("x = 1", "no Scenario, no function main, nothing that it runs"),
        ("import socket\ndef main():\n    socket.socket()", "broken.py:3: socket.socket waits for the network"),
    ],
)
def test_a_file_that_cannot_be_run_gets_a_sentence(tmp_path, capsys, text, says):
    file = tmp_path / "broken.py"
    file.write_text(text, encoding="utf-8")
    assert main([str(file)]) == 2
    assert says in capsys.readouterr().err


DEFINED = """import threading

counter = 0

def work():
    global counter
    counter += 1

"""
RUNS = """threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert counter == 2
"""


@pytest.mark.parametrize(
    "text",
    [
        DEFINED + RUNS,
        DEFINED + 'if __name__ == "__main__":\n' + textwrap.indent(RUNS, "    "),
        DEFINED + "def main():\n" + textwrap.indent(RUNS, "    ") + "\nmain()\n",
    ],
    ids=["at the bottom", "under the guard", "with a call of main"],
)
def test_a_script_is_explored_as_it_is(tmp_path, capsys, text):
    file = tmp_path / "script.py"
    file.write_text(text, encoding="utf-8")
    assert main([str(file)]) == 1
    told = capsys.readouterr().out
    assert told.startswith("main: failed. 4 interleavings, all run: 2 fail (2 crash). [dpor]")
    at = text[: text.index("assert")].count("\n") + 1
    assert f"main then stopped in main (script.py:{at}): AssertionError: counter == 2." in told


def test_a_step_of_a_builtin_is_told_without_a_place(tmp_path, capsys):
    file = tmp_path / "adds.py"
    file.write_text(
        "import threading\nseen = []\nthread = threading.Thread(target=seen.append, args=(1,))\n"
        "thread.start()\nassert not seen\nthread.join()\n",
        encoding="utf-8",
    )
    assert main([str(file)]) == 1
    assert "Thread-1 (append) appended 1 to seen before main asked" in capsys.readouterr().out


def test_a_function_that_is_not_there_is_named_with_those_that_are(capsys):
    assert main([f"{CLASSICS}:lost"]) == 2
    assert "has no function 'lost'; it has" in capsys.readouterr().err
