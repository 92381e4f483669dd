"""The zip file that stock Ansible makes of a module's files, where only the real one will do."""

import os


class Archive:
    """A temporary folder with the zip file in it; `path` is the file's."""

    def __init__(self, name: "str", closure: "object") -> "None":
        # Few runs need these.
        import tempfile
        import zipfile

        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="ansible_%s_payload_" % (name,)))
        self.path = os.path.join(self.folder, "ansible_%s_payload.zip" % (name,))
        with zipfile.ZipFile(self.path, "w") as target:
            for path in closure.files:
                # A ZipInfo of its own time: the host's clock may be at a time that zip cannot say.
                target.writestr(zipfile.ZipInfo(path), closure.content(path))
            # Programs that the module starts with this file on their PYTHONPATH find it first.
            target.writestr(
                zipfile.ZipInfo("sitecustomize.py"),
                'import sys\nsys.path.insert(0,"%s")\n' % (self.path,),
            )

    def remove(self) -> "None":
        """Remove folder and file, whatever they hold by now."""
        import shutil

        shutil.rmtree(self.folder, ignore_errors=True)
