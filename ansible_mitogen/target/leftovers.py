"""The temporary folders of modules that died: removed, as they would have been by the module.

An exit handler of the core removes them, which a module that is killed does not come to. Their
names end in random letters; a runner draws these from a source that its job's id, which is random
itself, is the seed of. So the zygote can draw the same letters, and tell what is to be removed from
what belongs to others.
"""

import os

#: Temporary names that a module may have drawn before that of its folder.
_DRAWS = 200


def names(job_id: "str") -> "object":
    """Endings of temporary names that this process draws in the job of that id."""
    import random
    import tempfile

    drawn = tempfile._RandomNameSequence()
    # As it does itself, but for the seed; a process forked from this one has its own again.
    drawn._rng = random.Random(job_id)  # noqa: S311 -- as good as tempfile's, which is the same
    drawn._rng_pid = os.getpid()
    return drawn


def mark(job_id: "str") -> "None":
    """Have the temporary names of this process from `names`."""
    import tempfile

    tempfile._name_sequence = names(job_id)


def remove(job: "object") -> "None":
    """Remove what the ModuleJob, which has ended, made for itself and has not removed."""
    endings = None
    for folder, start in _places(job):
        try:
            found = [name for name in os.listdir(folder) if name.startswith(start)]
        except OSError:
            continue
        for name in found:
            if endings is None:
                drawn = names(job.job_id)
                endings = tuple(next(drawn) for _ in range(_DRAWS))
            if name.endswith(endings):
                import shutil

                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def _places(job: "object") -> "list":
    """Pairs of a folder and how names in it start."""
    import json

    given = job.environment
    places = [(given.get("TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ansible_")]
    try:
        base = json.loads(job.arguments.decode())["ANSIBLE_MODULE_ARGS"]["_ansible_remote_tmp"]
    except (ValueError, KeyError, TypeError):
        return places
    if isinstance(base, str):
        if base.startswith("~/") and "HOME" in given:
            base = given["HOME"] + base[1:]
        folder = os.path.expanduser(os.path.expandvars(base))
        places.append((folder, "ansible-moduletmp-"))
    return places
