"""What a starting child says on its link before frames flow; shared by both ends.

Every marker is one line that holds the nonce of this very start, so that nothing a login script
prints, and no other child's output, can be taken for one::

    MITOGEN1 <nonce> sh
    MITOGEN1 <nonce> (<version>, <magic>, <optimize>, <executable in hex>)
    MITOGEN1 <nonce> (<version, when it is too old>)
    MITOGEN1 <nonce> none
    MITOGEN1 <nonce> up
"""

WORD = "MITOGEN1"


def marker_prefix(nonce: "str") -> "bytes":
    """The bytes by which a marker of the start *nonce* is found."""
    return ("%s %s " % (WORD, nonce)).encode()


def up_marker(nonce: "str") -> "bytes":
    """What a child writes once it is ready for frames."""
    return b"\n" + marker_prefix(nonce) + b"up\n"
