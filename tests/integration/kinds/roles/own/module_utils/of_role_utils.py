"""In a role."""

WORD = "role"
