"""How a fresh interpreter becomes a context: command line, first stage, boot code, handshake."""
