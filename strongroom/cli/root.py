"""The top of the command: the list of commands and what `--version` prints."""

import click

from strongroom import __version__
from strongroom.cli.command import LateCommand, Program

COMMANDS = {
    "init": LateCommand("strongroom.cli.init:init", "Write a configuration and the first key, prepare regions."),
    "config": LateCommand("strongroom.cli.config:config", "Check or show the configuration."),
    "doctor": LateCommand("strongroom.cli.doctor:doctor", "Look for what is set up badly, and say what to do."),
    "status": LateCommand("strongroom.cli.status:status", "Show whether every source is protected, the worst first."),
    "sources": LateCommand("strongroom.cli.sources:sources", "List what is backed up; check its permissions in AWS."),
    "regions": LateCommand("strongroom.cli.regions:regions", "Show where backups are kept, and check those places."),
    "schedules": LateCommand(
        "strongroom.cli.schedules:schedules", "Show when sources are backed up, and drilled, by themselves."
    ),
    "accounts": LateCommand("strongroom.cli.accounts:accounts", "Make, list and look after operators, who log in."),
    "peers": LateCommand(
        "strongroom.cli.peers.group:peers", "Pair SKIP key providers, look after the pairs, and try them."
    ),
    "standby": LateCommand(
        "strongroom.cli.standby:standby", "Check whether standbys of PostgreSQL follow their primaries."
    ),
    "backup": LateCommand("strongroom.cli.backup:backup", "Make, list, look into and verify backups."),
    "diff": LateCommand("strongroom.cli.diff:diff", "Show what differs between two backups of a source."),
    "restore": LateCommand("strongroom.cli.restore:restore", "Plan and run restores."),
    "export": LateCommand(
        "strongroom.cli.export:export", "Make encrypted copies outside of the regions; restore them."
    ),
    "retention": LateCommand("strongroom.cli.retention:retention", "Show what is kept and why; delete what is not."),
    "holds": LateCommand("strongroom.cli.holds:holds", "Keep backups whatever their policies say."),
    "drill": LateCommand("strongroom.cli.drill:drill", "Restore backups for proof, and show what that gave."),
    "collect": LateCommand("strongroom.cli.collect:collect", "Find what no backup needs; with --apply, delete it."),
    "verify": LateCommand("strongroom.cli.verify:verify", "Check everything that a region should hold."),
    "repair": LateCommand(
        "strongroom.cli.repair:repair",
        "Mend a region's copies from the other regions.",
    ),
    "rotate-kek": LateCommand(
        "strongroom.cli.rotate_kek:rotate_kek",
        "Renew a region's key; no data is written.",
    ),
    "recovery-kit": LateCommand(
        "strongroom.cli.recovery_kit:recovery_kit",
        "Make a recovery key and write it into FILE.",
    ),
    "secrets": LateCommand(
        "strongroom.cli.secrets.group:secrets", "Make, rotate, check and retire the keys of encrypted columns."
    ),
    "catalog": LateCommand("strongroom.cli.catalog:catalog", "Rebuild the catalog from the regions."),
    "step-up": LateCommand(
        "strongroom.cli.step_up:step_up", "See what operators wish to destroy; approve or cancel it."
    ),
    "jobs": LateCommand("strongroom.cli.jobs:jobs", "List, follow, cancel, pause, resume and run jobs."),
    "trace": LateCommand("strongroom.cli.trace:trace", "Tell what came of a request, from its trace id."),
    "alerts": LateCommand("strongroom.cli.alerts:alerts", "List, acknowledge, silence, resolve alerts; test channels."),
    "tokens": LateCommand("strongroom.cli.tokens:tokens", "Make, list, rotate and revoke the tokens of machines."),
    "audit": LateCommand("strongroom.cli.audit:audit", "Show who did what, and check that nobody changed that."),
    "watch": LateCommand("strongroom.cli.watch:watch", "Watch that backups happen, and tell people when not."),
    "queues": LateCommand("strongroom.cli.queues:queues", "List, pause, resume and probe queues."),
    "sessions": LateCommand("strongroom.cli.sessions:sessions", "Count one-time sessions, and mend their index."),
    "completion": LateCommand("strongroom.cli.completion:completion", "Print the completion script of a shell."),
}

PURPOSES = {
    "set up": ("init", "config", "doctor", "completion"),
    "look": ("status", "sources", "regions", "schedules", "standby", "jobs", "queues", "trace"),
    "back up": ("backup", "diff", "restore", "export", "drill"),
    "keep": ("retention", "holds", "collect", "verify", "repair", "catalog"),
    "keys": ("secrets", "rotate-kek", "recovery-kit", "peers"),
    "people": ("accounts", "tokens", "step-up", "sessions", "audit"),
    "watch": ("watch", "alerts"),
}
"""What the commands are for, as whoever types `strongroom` alone is told."""


root = click.version_option(__version__, message="%(prog)s %(version)s")(
    Program(
        "strongroom",
        late=COMMANDS,
        purposes=PURPOSES,
        examples=("strongroom init", "strongroom backup run uploads"),
        help="Encrypted backups in several regions, and restores that prove them.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
)
