"""Handles with a fixed meaning."""

GET_MODULE = 100
CALL_FUNCTION = 101
FORWARD_LOG = 102
ADD_ROUTE = 103
DEL_ROUTE = 104
ALLOCATE_ID = 105
SHUTDOWN = 106
LOAD_MODULE = 107
FORWARD_MODULE = 108
DETACHING = 109
CALL_SERVICE = 110
#: Asks a parent to start a child; see mitogen.controller.start_child.
START_CHILD = 111
#: Asks the master for boot code that fits another Python.
GET_BUNDLE = 112

#: In `reply_to`: the message is dead, its data says why.
IS_DEAD = 999
#: A context's own handles begin here.
FIRST_FREE = 1000
