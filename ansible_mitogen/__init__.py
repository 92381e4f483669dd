"""Ansible over persistent interpreters: connection and strategy plugins on top of `mitogen`.

Nothing is imported here: target-side modules live in this package too, and they are loaded on
hosts that have no Ansible.
"""
