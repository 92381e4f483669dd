"""The broker process: one for each run of Ansible, holds the tree of contexts."""
