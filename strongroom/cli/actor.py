"""Who gives a command, for the rows that keep it."""

import os
import pwd
import socket


def actor() -> str:
    """Return user and host of this process, such as `anna@backup1`."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
