"""Where the demo plays: a temporary directory with a database server, a sample directory and an installation."""

import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack.demo.sample_database import fill
from stack.demo.sample_tree import make_tree
from stack.installation import Installation
from strongroom.testing.postgres import ScratchPostgres

DATABASE = "shop"
PASSWORD_VARIABLE = "DEMO_DATABASE_PASSWORD"  # noqa: S105 - the name of a variable, not a password
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-1")

CONFIG = """\
[api]
port = {api_port}

[flower]
port = {flower_port}

[metrics]
port = {metrics_port}

[regions.eu-west-1]
home = true
path = "regions/eu-west-1"

[regions.us-east-1]
path = "regions/us-east-1"

[regions.ap-southeast-1]
path = "regions/ap-southeast-1"

[sources.shop]
kind = "postgres"
host = "{host}"
port = {port}
dbname = "{dbname}"
user = "{user}"
password_env = "{password_variable}"

[sources.files]
kind = "files"
path = "../files"
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """The parts of the demo; everything is below `directory` or in the database server."""

    directory: Path
    database: ScratchPostgres
    installation: Installation

    @property
    def files(self) -> Path:
        """The sample directory."""
        return self.directory / "files"

    @property
    def restored_files(self) -> Path:
        """Where the sample directory is restored to."""
        return self.directory / "restored files"

    def region(self, name: str) -> Path:
        """Return the directory of a region."""
        return self.installation.directory / "regions" / name

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the environment for the stack: the database's password, and nothing of another installation."""
        foreign = {name for name in base if name.startswith("STRONGROOM_")}
        return {name: value for name, value in base.items() if name not in foreign} | {
            PASSWORD_VARIABLE: self.database.password
        }


@contextmanager
def open_scene() -> Iterator[Scene]:
    """Build the scene, and leave nothing of it behind."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="strongroom-demo-")))
        database = stack.enter_context(ScratchPostgres())
        database.create_database(DATABASE)
        with database.connect(DATABASE) as connection:
            fill(connection)
        make_tree(directory / "files")
        installation = Installation(directory / "installation")
        installation.make_directories()
        installation.config.write_text(_config(database), encoding="utf-8")
        yield Scene(directory, database, installation)


def _config(database: ScratchPostgres) -> str:
    api_port, flower_port, metrics_port = _free_ports(3)
    return CONFIG.format(
        api_port=api_port,
        flower_port=flower_port,
        metrics_port=metrics_port,
        host=database.host,
        port=database.port,
        dbname=DATABASE,
        user=database.user,
        password_variable=PASSWORD_VARIABLE,
    )


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
