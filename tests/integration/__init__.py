"""Whole ansible-playbook runs over a real sshd and real sudo."""
