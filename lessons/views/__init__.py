# SPDX-License-Identifier: GPL-2.0-or-later
"""Views of sources, traces and results: they know no exercise and no widget."""
