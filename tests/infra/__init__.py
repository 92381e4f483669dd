"""Tests of the test support itself and of the project's own files."""
