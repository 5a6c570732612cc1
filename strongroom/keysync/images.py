"""What a process that holds keys leaves of its memory: nothing."""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def leave_no_image() -> None:
    """Have this process write no core file, and let no other of the same user read its memory (prctl(2)).

    Raises OSError where the kernel refuses.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl refused PR_SET_DUMPABLE")
