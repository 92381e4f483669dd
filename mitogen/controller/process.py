"""Starts the program that leads to a child: never blocks, leaks no descriptor into it.

The child's stdin and stdout are one end of a socket pair, the *link*, whether it has a terminal or
not, so that no terminal ever translates or echoes data. A program that takes answers from its stdin
only gets the terminal there; what it runs finds the link, both directions of it, at its stdout.
"""

import os
import socket
import subprocess
import termios

from mitogen.errors import StreamError

#: Opens the terminal that is its first argument, as the leader of a new session, and thereby makes
#: it the controlling one, which is where programs ask for passwords; then becomes the program.
_WITH_TERMINAL = 't=$1;shift;exec "$@" 2<>"$t"'
#: The same, its stdin being the terminal, too.
_WITH_TERMINAL_AS_STDIN = 't=$1;shift;exec "$@" 2<>"$t" 0<&2'


class Process:
    """A program started by us.

    :ivar int pid: its process id.
    :ivar link: our end of the socket pair, non-blocking. The owner of this object closes it.
    :ivar int diagnostics_fd: what it says besides, non-blocking: its terminal if it has one (write
        answers there), else its stderr. Closed by the owner as well.
    """

    __slots__ = ("_popen", "_program", "diagnostics_fd", "link", "pid")

    def __init__(
        self, popen: "object", program: "str", link: "socket.socket", diagnostics_fd: "int"
    ) -> "None":
        self._popen = popen
        self._program = program
        self.pid = popen.pid
        self.link = link
        self.diagnostics_fd = diagnostics_fd

    def poll(self) -> "int | None":
        """Exit status (negative: the signal), or None while it runs. Collects it once ended."""
        return self._popen.poll()

    def wait(self, timeout: "float") -> "int | None":
        """As `poll`, after at most *timeout* seconds."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> "None":
        """Ask it to end. Harmless when it has ended."""
        self._popen.terminate()

    def kill(self) -> "None":
        """End it. Harmless when it has ended."""
        self._popen.kill()

    def __repr__(self) -> "str":
        # No arguments: some programs are given what is nobody's business.
        return "Process(%d, %r)" % (self.pid, self._program)


def spawn(
    argv: "list",
    tty: "bool" = False,
    env: "dict | None" = None,
    is_stdin_tty: "bool" = False,
    folder: "str | None" = None,
) -> "Process":
    """Start *argv*.

    :param bool tty: give it a controlling terminal of its own, to which its stderr goes as well.
    :param env: its environment; None for ours.
    :param bool is_stdin_tty: with a terminal, let that be its stdin as well.
    :param folder: where it starts; None for where this process is.
    :raises mitogen.core.StreamError: there is no such program, or no process can be made.
    """
    _require_program(argv[0], env, folder or "")
    ours, theirs = socket.socketpair()
    try:
        if tty:
            opener = _WITH_TERMINAL_AS_STDIN if is_stdin_tty else _WITH_TERMINAL
            popen, diagnostics_fd = _start_with_terminal(argv, theirs, env, folder, opener)
        else:
            popen, diagnostics_fd = _start_with_pipe(argv, theirs, env, folder)
    except OSError as exc:
        ours.close()
        raise StreamError("%s could not be started: %s" % (argv[0], exc.strerror))
    finally:
        theirs.close()
    ours.setblocking(False)
    os.set_blocking(diagnostics_fd, False)
    return Process(popen, argv[0], ours, diagnostics_fd)


def _require_program(program: "str", env: "dict | None", start: "str") -> "None":
    folders = [""] if "/" in program else os.get_exec_path(env)
    if not any(os.access(os.path.join(start, folder, program), os.X_OK) for folder in folders):
        raise StreamError("%s could not be started: there is no such program" % (program,))


def _start_with_pipe(
    argv: "list", theirs: "socket.socket", env: "dict | None", folder: "str | None"
) -> "tuple":
    read_end, write_end = os.pipe()
    try:
        popen = subprocess.Popen(
            argv,
            stdin=theirs,
            stdout=theirs,
            stderr=write_end,
            env=env,
            cwd=folder,
            start_new_session=True,
        )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    return popen, read_end


def _start_with_terminal(
    argv: "list",
    theirs: "socket.socket",
    env: "dict | None",
    folder: "str | None",
    opener: "str",
) -> "tuple":
    master, slave = os.openpty()
    try:
        _silence(slave)
        popen = subprocess.Popen(
            ["/bin/sh", "-c", opener, "sh", os.ttyname(slave), *argv],
            stdin=theirs,
            stdout=theirs,
            # Somebody has to have it open all the time, or we would read its end.
            stderr=slave,
            env=env,
            cwd=folder,
            start_new_session=True,
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    return popen, master


def _silence(slave: "int") -> "None":
    """Have a terminal neither echo what is written to it nor translate what is said on it."""
    settings = termios.tcgetattr(slave)
    settings[1] &= ~termios.OPOST
    settings[3] &= ~(termios.ECHO | termios.ECHONL)
    termios.tcsetattr(slave, termios.TCSANOW, settings)
