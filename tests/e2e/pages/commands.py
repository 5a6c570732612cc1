"""The `strongroom` command for a shell, without the second that each start of Python with its imports takes.

One process imports everything once. For each call it forks a child with the caller's arguments, directory, environment
and open files, which runs the same `main` as the real command. `python -m tests.e2e.pages.commands SOCKET`.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

CLIENT = """\
#!{python} -IS
import json, os, socket, sys
call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [len(call).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(call)
    answer = server.recv(1)
sys.exit(answer[0] if answer else 70)
"""


def write_client(program: Path, address: Path) -> None:
    """Make the program that a shell finds under the name of the command."""
    program.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    program.chmod(0o755)


def serve(address: str) -> None:
    """Answer calls until the process is ended."""
    _import_everything()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        while True:
            _answer_one(listener)


def _answer_one(listener: socket.socket) -> None:
    caller, _ = listener.accept()
    with caller:
        if os.fork() == 0:
            _answer(caller)


def _import_everything() -> None:
    from strongroom.cli.main import root

    waiting: list[click.Command] = [root]
    while waiting:
        command = waiting.pop()
        if isinstance(command, click.Group):
            context = click.Context(command)
            found = (command.get_command(context, name) for name in command.list_commands(context))
            waiting += [one for one in found if one is not None]
    for late in ("strongroom.catalog.schema", "strongroom.runtime", "psycopg"):
        importlib.import_module(late)


def _answer(caller: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 70
    try:
        with _as_the_caller(caller) as words:
            from strongroom.cli.main import main

            code = main(words)
    finally:
        caller.sendall(bytes([code]))
        os._exit(code)


@contextmanager
def _as_the_caller(caller: socket.socket) -> Iterator[list[str]]:
    head, files, _, _ = socket.recv_fds(caller, 4, 3)
    call = b""
    while len(call) < int.from_bytes(head, "big"):
        call += caller.recv(1 << 16)
    words, directory, environment = json.loads(call)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    yield words
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
