"""The half of us that runs on hosts: Python 3.6, standard library only.

A context whose early hook is `hook.start` consists of two processes. One is the context itself,
with its broker and dispatcher; `attachment` speaks for it. The other is the *zygote*, forked before
there was any thread: it keeps the files of modules, loads what modules have in common, and forks a
*runner* for each job.
"""
