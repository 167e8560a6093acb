"""What every notebook keeps to, read from its file without running it. Whether its outputs are true is nbval's part."""

from __future__ import annotations

import builtins
import html
import re
from pathlib import Path

import pytest

from lessons.authoring import normalise
from lessons.player.at_rest import MARK, has_player

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STEPS = ["Predict", "Run", "Investigate", "Modify", "Make"]
# what fetches from the network when it is shown; a link that waits for a click is welcome
LOADS = re.compile(r"""(\bsrc=|<link\b[^>]*href=|@import|url\(|\b(import|from)\b[\s(]*["'])[\s"'\\]*(https?:)?//""")
EXCEPTION = re.compile(r"(?<!except )\b([A-Z]\w*(?:Error|Exception|Iteration|Exit|Warning)): ?([^\n]*)")
OURS = re.compile(r"None has no attribute '\w+'|pop from empty list")  # see mini_qemu.sched.errors.sentence_of;
# and what is the same in every Python 3. An assertion's words are the program's own.
OUTPUT_WIDGET = re.compile(r"\bwidgets\.(Output|interact\w*)\b|\bimport\b.*\b(Output|interact\w*)\b")

pytestmark = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


class Book:
    def __init__(self, path: Path) -> None:
        self.text = path.read_text(encoding="utf-8")
        self.notebook = normalise.loads(self.text)
        self.cells = [(cell, normalise.text_of(cell["source"])) for cell in self.notebook["cells"]]
        self.code = [(cell, source) for cell, source in self.cells if cell["cell_type"] == "code"]
        self.prose = "\n\n".join(source for cell, source in self.cells if cell["cell_type"] == "markdown")
        self.data = [output["data"] for cell, _ in self.code for output in cell["outputs"] if "data" in output]


def test_is_normal(path: Path):
    book = Book(path)
    assert book.text == normalise.dumps(normalise.clean(book.notebook)), "run `make notebooks`"


def test_is_short(path: Path):
    assert len(Book(path).code) <= 12, "one bug, one notebook, at most 12 code cells"


def test_has_the_five_steps(path: Path):
    headings = re.findall(r"^## +(\w+)", Book(path).prose, flags=re.MULTILINE)
    if "01" <= path.stem < "99":
        assert [heading for heading in headings if heading in STEPS] == STEPS, f"found {headings}"


def test_hides_at_most_one_output_from_nbval_and_says_why(path: Path):
    code = Book(path).code
    hidden = [source for _, source in code if normalise.IGNORED in source]
    assert len(hidden) <= 1
    for source in hidden:
        assert re.search(rf"# {normalise.IGNORED}\n# \w+", source), "the reason is the comment below the marker"
    for cell, source in code:
        tags = cell["metadata"].get("tags", [])
        assert "NBVAL_SKIP" not in source
        assert not [tag for tag in tags if tag.startswith("nbval-")], "markers stand in the cell, for readers to see"


def test_has_been_run(path: Path):
    for cell, source in Book(path).code:
        assert cell["execution_count"] or not source.strip(), f"nbval compares no cell that was never run: {source}"


def test_shows_something_without_a_kernel(path: Path):
    for data in Book(path).data:
        assert normalise.WIDGET_VIEW not in data
        assert "text/html" not in data or "text/plain" in data, "a reader without HTML needs text/plain"


def test_needs_no_network(path: Path):
    book = Book(path)
    shown = [normalise.text_of(value) for data in book.data for mime, value in data.items() if mime.startswith("text/")]
    for text in [*shown, book.prose]:
        assert not (found := LOADS.search(text)), f"loads from the network: {text[found.start() :][:80]}"
    assert not re.search(r"!\[[^]]*\]\(https?:", book.prose), "a picture from the network"


def test_has_no_output_widgets(path: Path):
    for _, source in Book(path).code:
        assert not OUTPUT_WIDGET.search(source), "what an Output widget prints is lost to nbval and to a reader at rest"


def test_links_lead_somewhere(path: Path):
    for target in re.findall(r"\]\((?!https?:|#|attachment:)([^)#\s]+)", Book(path).prose):
        assert (path.parent / target).exists(), f"{target} is not there"


def test_no_output_holds_the_wording_of_one_python(path: Path):
    """CPython changes its messages from version to version; nbval would find the difference on the next one."""
    for data in Book(path).data:
        for value in data.values():
            for kind, words in EXCEPTION.findall(html.unescape(normalise.text_of(value))):
                if issubclass(getattr(builtins, kind, object), Exception) and kind != "AssertionError":
                    assert OURS.match(words), f"{kind}: {words}: let the engine say it in words of its own"


def test_carries_the_player_once(path: Path):
    texts = [normalise.text_of(data["text/html"]) for data in Book(path).data if "text/html" in data]
    players = [text for text in texts if has_player(text)]
    assert [MARK in text for text in players] == [True, *[False] * (len(players) - 1)][: len(players)]


def test_says_which_cell_to_run_first(path: Path):
    code = Book(path).code
    if path.stem[:2].isdigit():
        assert code[0][1].startswith("# Run me first"), "a kernel that was restarted knows nothing of the cells below"
