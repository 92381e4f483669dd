"""``python -m ansible_mitogen config``: see `ansible_mitogen.config`."""

import sys

from ansible_mitogen.config import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
