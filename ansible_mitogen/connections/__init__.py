"""One file for each kind of connection plugin; see `ansible_mitogen.connection`."""
