"""The commands below `strongroom peers`."""

from strongroom.cli.command import LateCommand, LateGroup

COMMANDS = {
    "setup": LateCommand("strongroom.cli.peers.setup:setup", "Make what sites need to become key providers."),
    "join": LateCommand("strongroom.cli.peers.join:join", "Make this installation one of the sites of a set-up."),
    "selftest": LateCommand("strongroom.cli.peers.selftest:selftest", "Try a provider, or two that are peers."),
    "list": LateCommand("strongroom.cli.peers.looking:list_command", "Show the peers; asks none of them."),
    "ping": LateCommand("strongroom.cli.peers.ping:ping", "Send heartbeats to peers now."),
    "status": LateCommand("strongroom.cli.peers.looking:status", "Show heartbeats, keys in stock and secrets."),
    "rotate-psk": LateCommand("strongroom.cli.peers.secrets:rotate_psk", "Give a pair a new secret."),
    "revoke": LateCommand("strongroom.cli.peers.secrets:revoke", "Drop a pair's secrets and void its keys."),
    "void": LateCommand("strongroom.cli.peers.void:void", "Void every key, as after a disk was set back."),
}

peers = LateGroup(
    "peers",
    late=COMMANDS,
    examples=("strongroom peers setup skip-sites --site lisbon=kp-a.example.org --site porto=kp-b.example.org",),
    help="Pair SKIP key providers, look after the pairs, and try them.",
    no_args_is_help=True,
)
