"""A PostgreSQL server that follows another one by streaming replication."""

import subprocess
from collections.abc import Sequence

from strongroom.sources.errors import ScratchServerError
from strongroom.testing.postgres import ScratchPostgres


class ScratchStandby(ScratchPostgres):
    """A standby of a scratch server, made with pg_basebackup; `slot` is created on the primary."""

    def __init__(self, primary: ScratchPostgres, *, slot: str = "standby_us", settings: Sequence[str] = ()) -> None:
        super().__init__(settings=settings)
        self.password = primary.password
        self.primary = primary
        self.slot = slot

    def promote(self) -> None:
        """Make it a primary of its own."""
        with self.connect() as connection:
            connection.execute("SELECT pg_promote()")

    def _initialize(self) -> None:
        command = [str(self.toolset.program("pg_basebackup")), "-D", str(self.directory / "data"), "--no-sync"]
        command += ["--checkpoint=fast", "--write-recovery-conf", "--create-slot", f"--slot={self.slot}"]
        options = self._as_account()
        address = {"PGHOST": self.primary.host, "PGPORT": str(self.primary.port), "PGUSER": self.primary.user}
        options["env"] |= address | {"PGPASSWORD": self.primary.password}
        answer = subprocess.run(command, capture_output=True, text=True, check=False, **options)
        if answer.returncode != 0:
            raise ScratchServerError(f"pg_basebackup failed: {answer.stderr.strip()[-500:]}", next_step="")
