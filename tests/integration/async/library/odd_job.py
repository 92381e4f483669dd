#!/usr/bin/python
"""A module that ends in the way it is asked to."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import resource
import signal
import sys

from ansible.module_utils.basic import AnsibleModule


def print_and_exit(*lines):
    print("\n".join(lines))
    sys.exit(0)


def signals(name):
    # Without 32 and 33, the C library's own: no program can change what it inherited of them.
    with open("/proc/self/status") as lines:
        return [int(line.split()[1], 16) & ~(3 << 31) for line in lines if line.startswith(name)]


def surroundings():
    mask = os.umask(0o022)
    os.umask(mask)
    return {
        "cwd": os.getcwd(),
        "umask": oct(mask),
        "environment": dict(os.environ),
        "is_leader": os.getsid(0) == os.getpid(),
        "ignored": signals("SigIgn"),
        "blocked": signals("SigBlk"),
        "groups": sorted(os.getgroups()),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "nice": os.nice(0),
        "descriptors": sorted(
            fd for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd)
        ),
        "input": sys.stdin.read(),
    }


def main():
    module = AnsibleModule(argument_spec={"how": {"type": "str"}, "n": {"type": "int"}})
    how = module.params["how"]
    if how == "junk":
        print_and_exit(
            "junk before", '{"changed": true, "said": "gr\\u00fcn"}', "junk after", "and more"
        )
    elif how == "text":
        print_and_exit("no JSON at all", "\u00fc" if sys.version_info[0] > 2 else "u")
    elif how == "half":
        print_and_exit('{"changed": tr')
    elif how == "exit":
        os._exit(3)
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "raises":
        raise RuntimeError("it broke")
    elif how == "fails":
        module.fail_json(msg="it says so", rc=7)
    elif how == "stderr":
        sys.stderr.write("on the other channel\n")
    elif how == "warns":
        module.warn("be careful")
        module.exit_json(changed=True, warnings_too=["one"], deep={"ü": [None, 1.5, {"a": "b"}]})
    elif how == "surroundings":
        module.exit_json(**surroundings())
    module.exit_json(changed=False, n=module.params["n"])


if __name__ == "__main__":
    main()
