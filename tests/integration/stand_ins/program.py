"""Stands in for programs that enter containers and cannot run here: the container is this machine.

Which one it is its name says. It takes no argument that the program does not have, notes all up to
the command in the file STAND_IN_LOG, in one form whatever the order, and then does what was asked.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path


def _kubectl(parser: argparse.ArgumentParser) -> None:
    doing = parser.add_subparsers(dest="verb", required=True).add_parser("exec")
    # Those for all verbs may come before the verb and behind it.
    for one, default in ((parser, None), (doing, argparse.SUPPRESS)):
        one.add_argument("--namespace", "-n", default=default)
        for name in ("--context", "--kubeconfig", "--cluster", "--user"):
            one.add_argument(name, default=default)
    doing.add_argument("--stdin", "-i", action="store_true", required=True)
    doing.add_argument("--container", "-c")
    doing.add_argument("place")
    doing.add_argument("command", nargs="*")


def _instances(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", default="default")
    verbs = parser.add_subparsers(dest="verb", required=True)
    doing = verbs.add_parser("exec")
    doing.add_argument("--mode", choices=["non-interactive"])
    doing.add_argument("--force-noninteractive", "-T", action="store_true")
    doing.add_argument("place")
    doing.add_argument("command", nargs="*")
    moving = verbs.add_parser("file").add_subparsers(dest="direction", required=True)
    for direction in ("push", "pull"):
        one = moving.add_parser(direction)
        one.add_argument("--quiet", action="store_true")
        one.add_argument("--uid", type=int, default=0)
        one.add_argument("--gid", type=int, default=0)
        one.add_argument("source")
        one.add_argument("destination")


def _jexec(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-U", dest="user")
    parser.add_argument("place")
    parser.add_argument("command", nargs=argparse.REMAINDER)


def _buildah(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("mount", "umount"):
        verbs.add_parser(verb).add_argument("place")
    copying = verbs.add_parser("copy")
    copying.add_argument("--chown", default="root")
    for name in ("place", "source", "destination"):
        copying.add_argument(name)
    running = verbs.add_parser("run")
    running.add_argument("--user")
    running.add_argument("place")
    running.add_argument("command", nargs=argparse.REMAINDER)


_PROGRAMS = {
    "kubectl": _kubectl,
    "lxc": _instances,
    "incus": _instances,
    "jexec": _jexec,
    "buildah": _buildah,
}


def _parsed(name: str, argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    _PROGRAMS[name](parser)
    head, dashes, rest = argv, "", []
    if name != "jexec" and "--" in argv:
        at = argv.index("--")
        head, dashes, rest = argv[:at], argv[at], argv[at + 1 :]
    asked = parser.parse_args(head)
    if dashes:
        asked.command = rest
    return asked


def _note(name: str, asked: argparse.Namespace) -> None:
    passing = {"command", "source", "destination", "mode", "force_noninteractive", "quiet"}
    kept = {key: value for key, value in sorted(vars(asked).items()) if key not in passing}
    with open(os.environ["STAND_IN_LOG"], "a") as log:
        log.write(json.dumps([name, kept]) + "\n")


def _copy(asked: argparse.Namespace) -> None:
    paths = []
    for path in (asked.source, asked.destination):
        place, colon, inside = path.partition("/")
        # `remote:instance/path` is a path there.
        paths.append(inside if ":" in place and colon else path)
    shutil.copyfile(*paths)
    if getattr(asked, "chown", "root") != "root":
        shutil.chown(paths[1], asked.chown)
    elif getattr(asked, "uid", 0):
        os.chown(paths[1], asked.uid, asked.gid)


def main() -> None:
    """Do what was asked."""
    name = Path(sys.argv[0]).name
    if name == "jls":
        assert sys.argv[1:] == ["-q", "name"]
        print("cell other")
        return
    asked = _parsed(name, sys.argv[1:])
    _note(name, asked)
    verb = getattr(asked, "verb", "exec")
    if verb in {"file", "copy"}:
        _copy(asked)
    elif verb == "mount":
        print("/")
    elif verb != "umount":
        user = getattr(asked, "user", None) if name != "kubectl" else None
        change = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        argv = [*change, *asked.command]
        os.chdir("/")
        os.execvp(argv[0], argv)


main()
