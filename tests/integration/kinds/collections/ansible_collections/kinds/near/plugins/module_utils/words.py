"""In a collection."""

WORD = "near"
