"""What travels on a link: frames, values, control messages; pure."""
