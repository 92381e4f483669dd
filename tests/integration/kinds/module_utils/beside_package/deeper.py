"""Looks at its neighbour."""

from ansible.module_utils.beside import WORD

DEEPER = WORD.upper()
