# SPDX-License-Identifier: GPL-2.0-or-later
"""For authors and teachers: audit, grade, matrix and the normal form of notebooks."""
