"""Makes files and removes others; a path may begin with SITE, the account's site-packages."""

import os
import site

from ansible.module_utils.basic import AnsibleModule


def place(path):
    """The path meant."""
    return os.path.expanduser(path.replace("SITE", site.getusersitepackages(), 1))


def main():
    """Do it; folders are made as needed."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "default": {}},
            "absent": {"type": "list", "elements": "str", "default": []},
        },
    )
    for path, content in module.params["files"].items():
        os.makedirs(os.path.dirname(place(path)), exist_ok=True)
        with open(place(path), "w") as target:
            target.write(content)
    for path in module.params["absent"]:
        os.unlink(place(path))
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
