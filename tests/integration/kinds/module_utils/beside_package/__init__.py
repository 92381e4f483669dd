"""A package beside the playbook."""

NAME = __name__
