# SPDX-License-Identifier: GPL-2.0-or-later
"""What a learner clicks in a notebook."""
