"""What the command itself can run into."""

from strongroom.errors import (
    ConflictError,
    ExitCode,
    IntegrityError,
    InvalidInputError,
    NotAllowedError,
    StrongroomError,
)


class ConfigExistsError(ConflictError):
    """There is a configuration file already, and it is not overwritten."""

    code = "cli.config_exists"


class KitExistsError(ConflictError):
    """There is a file where the recovery kit shall be written, and it is not overwritten."""

    code = "cli.kit_exists"


class TargetSpellingError(InvalidInputError):
    """The restore target is neither a path nor SOURCE/DATABASE."""

    code = "cli.target_spelling"


class RestoreNotConfirmedError(NotAllowedError):
    """A restore would write, and nobody was there to say that it may."""

    code = "cli.restore_not_confirmed"


class ExportObstacleError(ConflictError):
    """Something keeps an export from being restored; nothing was changed."""

    code = "cli.export_obstacle"


class OperatorNeededError(NotAllowedError):
    """The command destroys something, and no operator stands behind it."""

    code = "cli.operator_needed"


class CommandLineError(InvalidInputError):
    """The command line is not one the program takes; `--help` shows what it takes."""

    code = "cli.usage"


class OutputError(StrongroomError):
    """What the command prints could not be written, as the disk is full or the output is closed."""

    code = "cli.output"


class UnexpectedError(StrongroomError):
    """The command failed in a way nobody foresaw; -v shows where."""

    code = "cli.unexpected"


class JobFailedError(StrongroomError):
    """The job the command waited for did not succeed; the exit code is that of the job's own error."""

    code = "cli.job_failed"

    def __init__(self, what: str, *, next_step: str, job_code: str, ends_in: ExitCode) -> None:
        super().__init__(what, next_step=next_step, job_code=job_code)
        self.job_code = job_code
        self.ends_in = ends_in


class WaitInterruptedError(StrongroomError):
    """Somebody pressed Ctrl-C; a job the command waited for is not lost."""

    code = "cli.interrupted"
    exit_code = ExitCode.INTERRUPTED


class DamageFoundError(IntegrityError):
    """A verification found that a copy is damaged."""

    code = "cli.damage_found"


class TypedPasswordError(InvalidInputError):
    """A password that is in a file cannot be read from there, or is more than one line."""

    code = "cli.password_file"


class ServiceMissingError(StrongroomError):
    """The command needs a part of the service, and only the library is installed here."""

    code = "cli.service_missing"
