"""`strongroom secrets`: the list of its commands, each imported when it is called."""

from strongroom.cli.command import LateCommand, LateGroup

COMMANDS = {
    "generate": LateCommand("strongroom.cli.secrets.generate:generate", "Make the first key."),
    "list": LateCommand("strongroom.cli.secrets.listing:list_versions", "List the versions of the keys."),
    "validate-config": LateCommand("strongroom.cli.secrets.validate_config:validate_config", "Check the file of keys."),
}

secrets = LateGroup(
    "secrets",
    late=COMMANDS,
    examples=("strongroom secrets generate", "strongroom secrets list"),
    help="Make, rotate, check and retire the keys of encrypted columns.",
)
