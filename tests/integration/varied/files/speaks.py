#!/usr/bin/env python3
"""Says what it was given."""

import sys

print(sys.version_info[0], sys.argv[1:])
