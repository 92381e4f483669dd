"""A package in a collection."""

NAME = __name__
