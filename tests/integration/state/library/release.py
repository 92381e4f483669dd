"""Ends the wait of whoever reads from a fifo, now or later: the fifo is gone afterwards."""

import os

from ansible.module_utils.basic import AnsibleModule


def main():
    """Return at once, whoever is there."""
    module = AnsibleModule(argument_spec={"fifo": {"type": "path"}})
    fifo = module.params["fifo"]
    # With both ends open, nobody's open() blocks until it is no more to be found.
    fd = os.open(fifo, os.O_RDWR)
    os.unlink(fifo)
    os.close(fd)
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
