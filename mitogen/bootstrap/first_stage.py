"""The program that the remote command line carries, and the two lines that unpack it.

It has to run on *any* Python, since it is what finds out that one is too old (2.7 runs it and
goes on to the next candidate), so it keeps to the syntax that 2.x and 3.x share, and it imports
nothing that costs time: on 3.11 ``re`` alone is 4 ms, ``json`` 5 ms.

``sys.argv`` there is: ``-c``, `UNPACK`, the packed program, what markers begin with, ``none``,
name, candidates. So ``echo`` in Python's place says that there is none.

What arrives on stdin afterwards is the boot message: boot code and boot record, each behind a
line with its length. The boot code is a compressed, marshalled dict of modules; what it has under
the empty name is run, and finds the dict as ``m``, its compressed form as ``z`` and, as ``f``, a
function that reads the next part of the boot message.
"""

import binascii
import zlib

#: Runs the next argument, so that a Python which is too old can hand the same arguments on.
START = "import sys;exec(sys.argv[1])"

#: The current directory is no place to import from: it is wherever the login happened to end up,
#: and whoever may write there must not choose the code that root runs.
UNPACK = (
    "del sys.path[0];A=sys.argv;import zlib as y,binascii as b;"
    "exec(y.decompress(b.a2b_base64(A[2])))"
)

#: Without comments and with short names: its size counts in every command line.
PROGRAM = r"""
import os,marshal
v=sys.version_info[:3]
w=lambda*t:os.write(1,("\n%s %r\n"%(A[3],t)).encode())
if v<(3,6):
 w(*v)
 while A[6:]:
  c=A.pop(6).split(":")
  try:os.execvp(c[0],c+["-c","import sys;"+A[1]]+A[1:])
  except OSError:0
 w()
else:
 import _frozen_importlib_external as m
 w(*v+(m.MAGIC_NUMBER.hex(),sys.flags.optimize,os.fsencode(sys.executable).hex()))
 r=sys.stdin.buffer
 f=lambda:r.read(int(r.readline()))
 z=f()
 m=marshal.loads(y.decompress(z))
 exec(m[""])
"""


def packed_program() -> "str":
    """`PROGRAM` as one word of letters, digits, ``+``, ``/`` and ``=``."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 15, 3)
    packed = packer.compress(PROGRAM.strip().encode()) + packer.flush()
    return binascii.b2a_base64(packed).decode().rstrip()
