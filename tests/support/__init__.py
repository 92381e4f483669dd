"""What several test packages share: leak checks, a real sshd, users, interpreters."""
