"""What differs between the versions of ansible-core, one file for each difference."""
