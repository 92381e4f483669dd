"""Every connection method as a hop behind every other one, with real programs and stand-ins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mitogen.core
import mitogen.doas
import mitogen.parent
import mitogen.setns
import mitogen.su
from mitogen import methods
from tests.library import import_recorder
from tests.library import remote_functions as remote
from tests.library.conftest import PYTHON, STAND_INS, Connect
from tests.support import processes, stand_ins
from tests.support.sshd import Sshd


def test_no_method_is_left_out(options: dict[str, dict[str, Any]]) -> None:
    """The matrix below is made of all there are."""
    assert set(options) == set(methods.NAMES)


@pytest.mark.parametrize("first", methods.NAMES)
def test_every_method_behind_every_other(
    router: Any, options: dict[str, dict[str, Any]], first: str
) -> None:
    """The hop's context loads each method's code from here and starts its program; calls pass."""
    hop = getattr(router, first)(python_path=PYTHON, **options[first])
    if first == "ssh":
        # The one that does not lead to root, of whom no other one asks anything.
        hop = router.sudo(via=hop, python_path=PYTHON)
    check_all_behind(router, hop, options)


def test_every_method_behind_an_old_python(
    router: Any, options: dict[str, dict[str, Any]], public_interpreter: Callable[[str], str]
) -> None:
    """The oldest one that there may be, whose imports lock more than those of later ones."""
    hop = router.local(python_path=public_interpreter("3.6"))
    check_all_behind(router, hop, options)


def check_all_behind(router: Any, hop: Any, options: dict[str, dict[str, Any]]) -> None:
    """Start a child by each method, all at once, and see that each is what it should be."""
    contexts = {
        name: getattr(router, name)(via=hop, wait=False, python_path=PYTHON, **given)
        for name, given in options.items()
    }
    pending = {name: context.call_async(remote.identity) for name, context in contexts.items()}
    for name, receiver in pending.items():
        _pid, _parent, context_id, parent_ids, _is_master = receiver.get(60).unpickle()
        assert context_id == contexts[name].context_id
        assert parent_ids[0] == hop.context_id
        assert contexts[name].name.startswith(f"{hop.name}.{name}")
    for name in ("command", *[name for name, *_ in STAND_INS]):
        assert contexts[name].call(remote.environment, stand_ins.VARIABLE) == name
    assert contexts["ssh"].call(remote.user_name) == options["ssh"]["username"]


def test_the_broker_thread_imports_nothing(router: Any, options: dict[str, dict[str, Any]]) -> None:
    """It would wait for ever: what others import meanwhile comes through it, and imports lock."""
    hop = router.local(python_path=PYTHON)
    hop.call(import_recorder.begin)
    for name in ("local", "sudo", "command"):
        getattr(router, name)(via=hop, python_path=PYTHON, **options[name])
    # With a terminal, though nobody asks root.
    router.su(via=hop, password="x", python_path=PYTHON)
    assert "mitogen.methods.sudo" in hop.call(import_recorder.of_thread, "mitogen.load")
    assert hop.call(import_recorder.of_thread, "mitogen.broker") == []


def test_su_with_a_password(router: Any, ssh: Connect, sshd: Sshd) -> None:
    """Of another user of that host; any byte passes, though su's own stdin is a terminal."""
    account = sshd.account("password")
    context = router.su(
        via=ssh("plain"), username=account.username, password=account.password, python_path=PYTHON
    )
    assert context.call(remote.user_name) == account.username
    assert context.call(remote.echo, b"\x03\x04\r\n" * 1000) == b"\x03\x04\r\n" * 1000


def test_su_with_a_wrong_password(router: Any, ssh: Connect, sshd: Sshd) -> None:
    """PasswordError, in the words of su; the context that tried lives on."""
    via = ssh("plain")
    with pytest.raises(mitogen.su.PasswordError, match="Authentication failure"):
        router.su(via=via, username=sshd.account("password").username, password="not this one")
    with pytest.raises(mitogen.su.PasswordError, match="none was given"):
        router.su(via=via)
    assert via.call(remote.echo, 1) == 1


def test_texts_of_ones_own_travel(router: Any, tmp_path: Path) -> None:
    """What su asks with and refuses with is known to the context that starts it."""
    program = tmp_path / "su"
    program.write_text(
        '#!/bin/sh\nprintf "Sesame? " >&2\nread -r word\necho "alas, $word" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    given = {"su_path": str(program), "password": "open", "password_prompt": ["sesame?"]}
    for via in (None, router.local()):
        with pytest.raises(mitogen.su.PasswordError, match="(?i)alas"):
            router.su(via=via, incorrect_prompts=[b"ALAS"], **given)


def test_a_program_that_never_asks_nor_answers(router: Any) -> None:
    """A typed error once the time is up; also from afar."""
    for via in (None, router.local()):
        with pytest.raises(mitogen.core.TimeoutError, match="timed out"):
            router.command(argv=["sh", "-c", "exec sleep 1000"], via=via, connect_timeout=0.2)


def test_the_end_of_a_context_under_su(router: Any, ssh: Connect, sshd: Sshd) -> None:
    """su ends with what it runs, and that with its link."""
    account = sshd.account("password")
    via = ssh("plain")
    context = router.su(
        via=via, username=account.username, password=account.password, python_path=PYTHON
    )
    pid = context.call(os.getpid)
    via.shutdown(wait=True, timeout=20)
    processes.wait_gone([pid])


def test_a_doas_that_is_not_there(router: Any) -> None:
    """A typed error that names it, raised at the caller."""
    for via in (None, router.local()):
        with pytest.raises(mitogen.core.StreamError, match="/no/such/doas"):
            router.doas(via=via, doas_path="/no/such/doas", password="x")


def test_a_container_that_cannot_be_entered(router: Any) -> None:
    """An error of its own type, also from afar."""
    for via in (None, router.local()):
        with pytest.raises(mitogen.setns.Error, match="/no/such/docker"):
            router.setns(via=via, container="c", kind="docker", docker_path="/no/such/docker")
