# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m mini_qemu.sched`: see `command`."""

import sys

from .command import main

sys.exit(main())
