"""In a folder that ansible.cfg names."""

WORD = "configured"
