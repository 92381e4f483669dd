"""Comes along."""

NEIGHBOUR = "neighbour"
