"""A process that holds keys leaves no image of its memory."""

import subprocess
import sys

TRY = """
import ctypes, resource
from strongroom.keysync.images import leave_no_image
leave_no_image()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_a_process_writes_no_core_file_and_shows_its_memory_to_nobody():
    tried = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=True)

    assert tried.stdout == "(0, 0) 0\n"
