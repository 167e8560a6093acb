# SPDX-License-Identifier: GPL-2.0-or-later
"""A miniature of QEMU's migration code as of July 2021, small enough to be run in every order."""
