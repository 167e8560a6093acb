# SPDX-License-Identifier: GPL-2.0-or-later
"""What the command line offers, one module a command: each has `main(arguments)`, which returns the exit status."""
