"""Modules over the wire: what may be asked for, the cache on the way, and the finder."""
