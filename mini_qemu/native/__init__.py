# SPDX-License-Identifier: GPL-2.0-or-later
"""What only a real process uses: sockets, QMP, the main loop. No story runs any of it."""
