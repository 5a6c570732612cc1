"""What the commands of `strongroom secrets` can run into."""

from strongroom.errors import NotAllowedError


class NotConfirmedError(NotAllowedError):
    """The question whether to go on was answered with no, or there was nobody to ask."""

    code = "cli.not_confirmed"


class NoInstallationError(NotAllowedError):
    """There is no strongroom.toml, so nobody can say which processes and backups need a key."""

    code = "cli.no_installation"
