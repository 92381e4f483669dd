"""Which threads of a context import something for the first time. Runs there; imports little."""

import sys
import threading


class Recorder:
    """A finder that finds nothing, and remembers who asked for what."""

    def __init__(self):
        self.found = []

    def find_spec(self, fullname, path=None, target=None):
        self.found.append((threading.current_thread().name, fullname))


RECORDER = Recorder()


def begin():
    sys.meta_path.insert(0, RECORDER)


def of_thread(name):
    return [fullname for thread, fullname in RECORDER.found if thread == name]
