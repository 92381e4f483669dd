"""Leaves a process behind, which lives until its fifo is written to."""

import os

from ansible.module_utils.basic import AnsibleModule


def stay(fifo, pid_file, is_tidy):
    """The process that stays."""
    if is_tidy:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
    with open(pid_file, "w") as target:
        target.write(str(os.getpid()))
    os.close(os.open(pid_file + ".up", os.O_WRONLY))
    with open(fifo) as stream:
        stream.read()
    os._exit(0)


def main():
    """Start it, wait until it is there, go."""
    module = AnsibleModule(
        argument_spec={
            "fifo": {"type": "path"},
            "pid_file": {"type": "path"},
            "tidy": {"type": "bool"},
            "session": {"type": "bool", "default": True},
        },
    )
    given = module.params
    os.mkfifo(given["pid_file"] + ".up")
    if not os.fork():
        if given["session"]:
            os.setsid()
        stay(given["fifo"], given["pid_file"], given["tidy"])
    with open(given["pid_file"] + ".up") as stream:
        stream.read()
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
