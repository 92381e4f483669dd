"""Tests of the Ansible plugins, their client and the broker process."""
