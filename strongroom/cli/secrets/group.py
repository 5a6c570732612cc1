"""`strongroom secrets`: the list of its commands, each imported when it is called."""

from strongroom.cli.command import LateCommand, LateGroup

COMMANDS = {
    "generate": LateCommand("strongroom.cli.secrets.generate:generate", "Make the first key."),
    "list": LateCommand("strongroom.cli.secrets.listing:list_versions", "List the versions of the keys."),
    "rotate": LateCommand("strongroom.cli.secrets.rotate:rotate", "Make a new version and write under it."),
    "backup-config": LateCommand(
        "strongroom.cli.secrets.backup_config:backup_config", "Make a sealed copy of the file of keys."
    ),
    "restore-config": LateCommand("strongroom.cli.secrets.restore_config:restore_config", "Put a copy back."),
    "register": LateCommand("strongroom.cli.secrets.register:register", "Note an application's encrypted columns."),
    "reencrypt": LateCommand("strongroom.cli.secrets.reencrypt:reencrypt", "Re-encrypt a column with the active key."),
    "list-jobs": LateCommand("strongroom.cli.secrets.list_jobs:list_jobs", "List re-encryptions and their progress."),
    "cleanup-jobs": LateCommand("strongroom.cli.secrets.cleanup_jobs:cleanup_jobs", "Remove old re-encryptions."),
    "disable-versions": LateCommand(
        "strongroom.cli.secrets.disable_versions:disable_versions", "Take versions out of use; can be undone."
    ),
    "enable-versions": LateCommand(
        "strongroom.cli.secrets.disable_versions:enable_versions", "Let disabled versions read again."
    ),
    "remove-versions": LateCommand(
        "strongroom.cli.secrets.remove_versions:remove_versions", "Destroy keys that nothing needs."
    ),
    "cleanup-keys": LateCommand("strongroom.cli.secrets.cleanup_keys:cleanup_keys", "Destroy old keys nothing needs."),
    "cleanup-stats": LateCommand("strongroom.cli.secrets.cleanup_stats:cleanup_stats", "Show what removals did."),
    "validate-config": LateCommand("strongroom.cli.secrets.validate_config:validate_config", "Check the file of keys."),
}

secrets = LateGroup(
    "secrets",
    late=COMMANDS,
    examples=("strongroom secrets generate", "strongroom secrets rotate"),
    help="Make, rotate, check and retire the keys of encrypted columns.",
)
