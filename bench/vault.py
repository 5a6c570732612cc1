"""A PostgreSQL server with an application's table of secrets, an installation beside it, and passes over the table."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import update

from bench.measure import BenchmarkError
from strongroom.catalog.jobs import Job
from strongroom.catalog.schema import upgrade
from strongroom.clock import SystemClock, system_random
from strongroom.columnkeys.changes import first_ring
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.place import Binding, ColumnPlace, TokenFormat
from strongroom.rotation.campaigns import ReencryptionRequest, get_reencryption, request_reencryption
from strongroom.rotation.pace import Pace
from strongroom.rotation.status import ReencryptionStatus, describe_reencryption
from strongroom.rotation.wishing import TargetWish, find_target
from strongroom.runtime import Runtime, build_runtime
from strongroom.services import Services
from strongroom.settings import load_settings
from strongroom.testing.postgres import ScratchPostgres

PROJECT = Path(__file__).resolve().parents[1]
BATCH = 1000
SECRET_BYTES = 60
PLACE = ColumnPlace("", "vault", "secret")
SERVER = (
    "shared_buffers=2GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=30min",
    "autovacuum=off",
)
CONFIGURATION = '[regions.home]\npath = "region"\n[databases.shop]\nurl_env = "SHOP_URL"\n'
TABLE = """CREATE TABLE {} (id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
    secret varchar(500), changed timestamptz NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Pass:
    """One measured pass: rows a second, and how the re-encryption counted its rows."""

    rate: float
    status: ReencryptionStatus | None = None


class Vault:
    """The server, the table and the installation; `templates` are full tables that runs begin with a copy of."""

    def __init__(self, folder: Path, server: ScratchPostgres, rows: int) -> None:
        self.folder, self.server, self.rows = folder, server, rows
        server.create_database("shop")
        self.environment = {
            "STRONGROOM_CATALOG_URL": f"sqlite:///{folder / 'catalog.db'}",
            "SHOP_URL": server.url("shop"),
            "STRONGROOM_CONFIG": str(folder / "strongroom.toml"),
        }
        (folder / "strongroom.toml").write_text(CONFIGURATION)
        self.old, self.new = _rings(folder)
        self.connection = server.connect("shop")
        runtime = self.runtime()
        upgrade(runtime.catalog.engine)
        runtime.close()

    def runtime(self) -> Runtime:
        """Open the installation."""
        return build_runtime(load_settings(self.folder / "strongroom.toml", self.environment))

    def cipher(self, keyring: KeyRing, token_format: TokenFormat) -> ColumnCipher:
        """Return what the application makes its tokens with."""
        return ColumnCipher(keyring, PLACE, format=token_format, binding=Binding.COLUMN)

    def make_template(self, token_format: TokenFormat) -> None:
        """Fill a table with tokens under the old version."""
        name = _template(token_format)
        self.connection.execute(TABLE.format(name).encode())
        encrypt = self.cipher(self.old, token_format).encrypt
        with self.connection.cursor().copy(f"COPY {name} FROM STDIN".encode()) as copy:
            for number in range(self.rows):
                secret = encrypt(f"secret {number:08} ".ljust(SECRET_BYTES, "x"), None)
                copy.write_row((number, f"user {number}", f"user{number}@example.org", secret, "2026-01-01"))

    def refill(self, token_format: TokenFormat) -> None:
        """Put a fresh copy of the template in the table's place."""
        self.connection.execute("DROP TABLE IF EXISTS vault")
        self.connection.execute(TABLE.format("vault").encode())
        self.connection.execute(f"INSERT INTO vault SELECT * FROM {_template(token_format)} ORDER BY id".encode())
        self.connection.execute("VACUUM ANALYZE vault")
        self.connection.execute("CHECKPOINT")

    def measure_limit(self, sessions: int) -> Pass:
        """Have the server replace every value by itself, in batches, from as many sessions."""
        share = self.rows // sessions
        command = [sys.executable, "-m", "bench.vault_limit", str(BATCH)]
        bounds = [(index * share, (index + 1) * share) for index in range(sessions)]
        seconds = self._race([[*command, str(first), str(last)] for first, last in bounds])
        return Pass(share * sessions / seconds)

    def measure_campaign(self, token_format: TokenFormat, pace: Pace, workers: int = 1) -> Pass:
        """Re-encrypt the table in as many processes, from the request's commit to the end of the last of them."""
        number = self.request(token_format, pace)
        seconds = self._race([self.worker(number)] * workers)
        with self._services() as services, services.catalog.begin() as session:
            job = get_reencryption(session, number)
            if job.state != "finished" or job.rows_by_version != {self.new.active: self.rows}:
                raise BenchmarkError(f"The re-encryption is {job.state} with {job.rows_by_version}.")
            return Pass(self.rows / seconds, describe_reencryption(session, job))

    def request(self, token_format: TokenFormat, pace: Pace) -> int:
        """Ask for a re-encryption and return its number."""
        with self._services() as services:
            wish = TargetWish("secret", table="vault", token_format=token_format, binding=Binding.COLUMN)
            target = find_target(services.settings, wish)
            return request_reencryption(services, ReencryptionRequest(target, pace, "0" * 32)).id

    def forget(self, number: int) -> None:
        """Cancel a re-encryption whose workers are gone, if it is not over."""
        with self._services() as services, services.catalog.begin() as session:
            over = update(Job).where(Job.state.in_(["queued", "running"]))
            session.execute(over.values(state="cancelled", lease_until=None, lease_owner=None))
            get_reencryption(session, number)

    def worker(self, number: int) -> list[str]:
        """Return the command of a worker on a re-encryption."""
        return [sys.executable, "-m", "bench.vault_worker", str(number)]

    def writers(self, seconds: float, hot: int) -> list[list[str]]:
        """Return the commands of two writers of the first rows."""
        command = [sys.executable, "-m", "bench.vault_writers", str(seconds), str(hot)]
        return [[*command, str(seed)] for seed in range(2)]

    @contextmanager
    def _services(self) -> Iterator[Services]:
        runtime = self.runtime()
        try:
            yield runtime.services()
        finally:
            runtime.close()

    def measure_orm(self, rows: int) -> Pass:
        """Run the naive loop over the first rows: objects loaded, attribute set, commit every 1,000."""
        seconds = self._race([[sys.executable, "-m", "bench.vault_orm", str(BATCH), str(rows)]])
        return Pass(rows / seconds)

    def sizes(self) -> tuple[int, int]:
        """Return the bytes of the table, and of the table with its indexes."""
        row = self.connection.execute("SELECT pg_table_size('vault'), pg_total_relation_size('vault')").fetchone()
        return row or (0, 0)

    @contextmanager
    def racing(self, commands: Sequence[Sequence[str]]) -> Iterator[list[subprocess.Popen[str]]]:
        """Start processes, wait until each has said that it is ready, and let them go at the same moment."""
        environment = {**os.environ, **self.environment}
        children = [
            subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for command in commands
        ]
        try:
            for child in children:
                if child.stdout is None or child.stdout.readline() != "ready\n":
                    raise BenchmarkError(f"{child.args!r} did not get ready.")
            for child in children:
                if child.stdin is not None:
                    child.stdin.write("go\n")
                    child.stdin.flush()
            yield children
        finally:
            for child in children:
                if child.poll() is None:
                    child.kill()
                child.wait()

    def _race(self, commands: Sequence[Sequence[str]]) -> float:
        with self.racing(commands) as children:
            begin = time.monotonic()
            # Ending a process takes Python a while, and is no part of what any of them was asked to do.
            for child in children:
                if child.stdout is None or child.stdout.readline() != "done\n":
                    raise BenchmarkError(f"{child.args!r} ended with {child.wait()}.")
            seconds = time.monotonic() - begin
            for child in children:
                child.wait()
            return seconds


@contextmanager
def new_vault(folder: Path, rows: int) -> Iterator[Vault]:
    """Start a server that keeps what it committed, and make the tables."""
    with ScratchPostgres(durable=True, settings=SERVER) as server:
        vault = Vault(folder, server, rows)
        for token_format in TokenFormat:
            vault.make_template(token_format)
        yield vault


def writing_cipher(folder: Path) -> ColumnCipher:
    """Return what an application that has loaded the ring writes with."""
    ring = EnvCryptoFile(folder / ".env.crypto").load()
    return ColumnCipher(ring, PLACE, format=TokenFormat.AES_GCM, binding=Binding.COLUMN)


def _template(token_format: TokenFormat) -> str:
    return f"full_{token_format.name.lower()}"


def _rings(folder: Path) -> tuple[KeyRing, KeyRing]:
    now = SystemClock().now()
    old = KeyVersion("v1", KeyState.ACTIVE, AESGCM.generate_key(256), system_random(16), now)
    later = KeyVersion("v1", KeyState.DECRYPT_ONLY, old.key, old.salt, now)
    new = KeyVersion("v2", KeyState.ACTIVE, AESGCM.generate_key(256), system_random(16), now)
    ring = KeyRing({"v1": later, "v2": new}, "v2")
    EnvCryptoFile(folder / ".env.crypto").create(ring, ())
    return first_ring(old), ring
