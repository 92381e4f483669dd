"""The folder a login starts in: left while there is nothing to do, gone back to for each task.

A process in a folder keeps its file system from being unmounted, and nothing of stock Ansible is
left in one between two tasks.
"""

import os


class StartFolder:
    """Where this process, and what is forked from it, started."""

    __slots__ = ("_path",)

    def __init__(self) -> "None":
        self._path = None

    def leave(self) -> "None":
        """Be in ``/`` from now on. Stays where there is no way back to.

        That is a folder which is gone, or which only the account that this one was become from may
        enter: what is started there is to find itself there, as it would without us.
        """
        try:
            path = os.getcwd()
            is_back = os.path.samestat(os.stat(path), os.stat("."))
            if is_back and os.access(path, os.X_OK):
                os.chdir("/")
                self._path = path
        except OSError:
            pass

    def enter(self) -> "bool":
        """Be there again. A folder that is gone by now is ``/``, as it is for a new login.

        :returns: whether it is there.
        """
        if self._path is not None:
            try:
                os.chdir(self._path)
            except OSError:
                return False
        return True

    def begin(self) -> "None":
        """Be there again as a process that has just started, whose environment says where it is."""
        if not self.enter() and "PWD" in os.environ:
            os.environ["PWD"] = os.getcwd()

    def quit(self) -> "None":
        """Be in ``/`` again, if `leave` went there."""
        if self._path is not None:
            os.chdir("/")

    def where(self) -> "str | None":
        """Where to start a program: the folder, ``/`` if it is gone; None for where we are."""
        if self._path is None or os.access(self._path, os.X_OK):
            return self._path
        return "/"
