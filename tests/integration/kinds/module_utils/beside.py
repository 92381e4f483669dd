"""Beside the playbook."""

WORD = "beside"
