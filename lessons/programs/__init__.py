# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of lesson 09, as the learner reads them in its cells: plain Python, with a bug.

Each file is the text of one cell below its header, so that its program can be explored by tests, by questions and from
the command line, too: `python -m mini_qemu.sched lessons/programs/bakery.py:bakery`. A test compares files and cells.
"""
