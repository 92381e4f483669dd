"""Waits until as many as are expected have come to the same folder, and says who has."""

import os
import select
import time

from ansible.module_utils.basic import AnsibleModule


def wait_for_all(folder, expected, seconds):
    """Names in the folder, once there are enough of them or the time is over."""
    end = time.monotonic() + seconds
    while True:
        names = sorted(os.listdir(folder))
        if len(names) >= expected or time.monotonic() > end:
            return names
        select.select([], [], [], 0.05)


def main():
    """Come, wait, answer."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "expected": {"type": "int", "required": True},
            "seconds": {"type": "int", "default": 120},
        },
    )
    given = module.params
    with open(os.path.join(given["folder"], given["name"]), "w"):
        pass
    names = wait_for_all(given["folder"], given["expected"], given["seconds"])
    if len(names) < given["expected"]:
        module.fail_json(msg="not all have come", met=names)
    module.exit_json(met=names, user=os.getuid(), parent=os.getppid())


if __name__ == "__main__":
    main()
