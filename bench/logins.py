"""How long a refused login takes for a name that is somebody's and for one that is nobody's: `make bench-logins`.

They are tried in turn at the usual cost of a password, on PostgreSQL, so that a slow moment of the machine meets all.
The counts of attempts are set back before each, so that nobody is locked out.
"""

import logging
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import update

from strongroom.access.principals import Role
from strongroom.accounts.errors import LoginRefusedError
from strongroom.accounts.opening import Operators, open_operators
from strongroom.catalog.accounts import AccountAttempts
from strongroom.catalog.schema import upgrade
from strongroom.catalog.session import Catalog
from strongroom.keyring.key_file import KeyFile
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings
from strongroom.testing.postgres import ScratchPostgres

ROUNDS = 300
GOAL_MILLISECONDS = 2.0
PASSWORD = "correct horse battery staple"
KNOWN, UNKNOWN, DISABLED = "known", "unknown", "disabled"


class NoLimit:
    """Counts no addresses: that is the same for both."""

    def take(self, address: str) -> None:
        pass

    def give_back(self, address: str) -> None:
        pass


def refused_in(operators: Operators, catalog: Catalog, name: str) -> float:
    """Return the milliseconds of one refused login."""
    # Kept, but over: a row that is there is written otherwise than one that is not.
    with catalog.begin() as session:
        session.execute(update(AccountAttempts).values(short_count=0, hour_count=0, day_count=0))
    began = time.perf_counter()
    try:
        operators.login.begin(name, "a wrong password", "192.0.2.1")
    except LoginRefusedError:
        return (time.perf_counter() - began) * 1000
    raise AssertionError("a wrong password was right")


def measure(operators: Operators, catalog: Catalog, names: tuple[str, ...]) -> dict[str, float]:
    """Return the median of each name, taken in turn."""
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            taken[name].append(refused_in(operators, catalog, name))
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    """Measure and print; ends with 1 when the gap of two medians is larger than the goal."""
    logging.disable()
    with ScratchPostgres(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        server.create_database("bench")
        directory = Path(folder)
        file = directory / "strongroom.toml"
        file.write_text('[regions.home]\npath = "region"\n', encoding="utf-8")
        KeyFile.create(directory / "strongroom.keys", ["home"])
        (directory / "data").mkdir()
        url = server.url("bench")
        runtime = build_runtime(load_settings(file, {"STRONGROOM_CATALOG_URL": url, "MFA_ENABLED": "true"}))
        upgrade(runtime.catalog.engine)
        operators = open_operators(runtime.services(), NoLimit())
        for name in (KNOWN, DISABLED):
            operators.accounts.add(name, Role.OPERATOR, PASSWORD)
        operators.accounts.disable(DISABLED)
        medians = measure(operators, runtime.catalog, (KNOWN, UNKNOWN, DISABLED))
        runtime.close()
    for name, median in medians.items():
        print(f"{name:10} {median:7.2f} ms")
    gap = max(medians.values()) - min(medians.values())
    print(f"gap {gap:.2f} ms of {ROUNDS} refused logins each, goal < {GOAL_MILLISECONDS} ms")
    raise SystemExit(gap >= GOAL_MILLISECONDS)


if __name__ == "__main__":
    main()
