"""The test suite. Its folders mirror the packages they test."""
