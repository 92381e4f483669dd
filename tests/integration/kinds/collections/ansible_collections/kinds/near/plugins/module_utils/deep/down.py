"""Looks up."""

from ansible.module_utils.common.text.converters import to_text

from ..words import WORD
from . import NAME

DOWN = to_text(NAME) + WORD
