# SPDX-License-Identifier: GPL-2.0-or-later
"""A singleton that is made when somebody first asks for it."""

import threading


class Settings:
    only = None

    def __init__(self):
        self.theme = "light"

    @classmethod
    def get(cls):
        if cls.only is None:
            cls.only = cls()
        return cls.only


def settings():
    def choose():
        Settings.get().theme = "dark"

    chooser = threading.Thread(target=choose, name="chooser")
    reader = threading.Thread(target=Settings.get, name="reader")
    chooser.start()
    reader.start()
    chooser.join()
    reader.join()
    assert Settings.get().theme == "dark", "the choice is lost"
