"""A transcript as text and as HTML, whole and with nothing in it."""

from __future__ import annotations

from lessons.real.transcript import Entry, Transcript

ENTRIES = [
    Entry("source", "does", "migrate unix:you"),
    Entry("you", "shows", "reads <b>3</b> bytes"),
    Entry("source", "stop", "it is gone"),
]


def test_columns_in_the_order_of_their_first_entry():
    transcript = Transcript(ENTRIES)
    transcript.origin = "Run now.\nOn the moon."
    assert repr(transcript).splitlines() == [
        "┊ Run now.",
        "┊ On the moon.",
        "  source                      you",
        "› migrate unix:you",
        "                              reads <b>3</b> bytes",
        "✕ it is gone",
    ]
    assert transcript.of("you") == ["reads <b>3</b> bytes"]
    assert not transcript, "it did not come to its end"
    assert Transcript(ENTRIES[:2])


def test_html_escapes_what_it_shows():
    page = Transcript(ENTRIES)._repr_html_()
    assert "reads &lt;b&gt;3&lt;/b&gt; bytes" in page
    assert page.count("<tr>") == 4
    assert "┊" not in page


def test_nothing_happened():
    nothing = Transcript([])
    nothing.origin = "There is none."
    assert repr(nothing) == "┊ There is none."
    assert "┊ There is none." in nothing._repr_html_()
    assert not nothing
