"""What runs in every context but the first: main, dispatcher, captured output, forwarded logs."""
