"""Ten thousand wrong codes in a day, over 200 logins at once: `python -m tests.integration.accounts.storm`.

However many logins wait for a code, and however many send codes to them at the same time, few codes of an account are
looked at: five in five minutes, twenty in an hour, fifty in a day. Ends with 1 where more were.
"""

import logging
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from strongroom.accounts.errors import MFAInvalidCodeError
from strongroom.accounts.opening import open_operators
from strongroom.catalog.schema import upgrade
from strongroom.errors import StrongroomError
from strongroom.keyring.key_file import KeyFile
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings
from strongroom.testing.postgres import ScratchPostgres
from tests.services.operators import ADDRESS, CHEAP, CountingLimiter, OperatorHouse, SetClock, wrong_code

CODES, LOGINS, SUBMITTERS, HOURS = 10_000, 200, 16, 20
MOST_IN_A_DAY = 50


def guess_for_a_day(house: OperatorHouse) -> Counter[str]:
    """Send all codes, the same share every hour, and return what became of them."""
    enrolment, _ = house.enrol()
    told: Counter[str] = Counter()

    def guess(token: str) -> str:
        try:
            house.operators.login.complete_mfa_login(token, wrong_code(house, enrolment), ADDRESS)
        except StrongroomError as error:
            return type(error).__name__
        return "accepted"

    with ThreadPoolExecutor(SUBMITTERS) as pool:
        for _ in range(HOURS):
            tokens = [house.mfa_token() for _ in range(LOGINS // HOURS)]
            told += Counter(pool.map(guess, tokens * (CODES // LOGINS)))
            house.clock.move(hours=1)
    return told


def opened(folder: Path, url: str) -> OperatorHouse:
    """Return an installation with one operator on a catalog."""
    file = folder / "strongroom.toml"
    file.write_text('data_dir = "data"\n[regions.home]\npath = "region"\n', encoding="utf-8")
    (folder / "data").mkdir()
    KeyFile.create(folder / "strongroom.keys", ["home"])
    clock, limiter = SetClock(), CountingLimiter()
    runtime = build_runtime(load_settings(file, {"STRONGROOM_CATALOG_URL": url, "MFA_ENABLED": "true"}), clock=clock)
    upgrade(runtime.catalog.engine)
    services = runtime.services()
    house = OperatorHouse(services, open_operators(services, limiter, CHEAP), clock, limiter)
    house.add()
    return house


def main() -> None:
    """Guess, print what became of it, and end with 1 when too many codes were looked at."""
    logging.disable()
    began = time.monotonic()
    with ScratchPostgres() as server, tempfile.TemporaryDirectory() as folder:
        server.create_database("storm")
        told = guess_for_a_day(opened(Path(folder), server.url("storm")))
    looked_at = told[MFAInvalidCodeError.__name__]
    for outcome, times in told.most_common():
        print(f"{times:7} {outcome}")
    print(
        f"{looked_at} of {CODES} wrong codes were looked at, goal <= {MOST_IN_A_DAY}, {time.monotonic() - began:.0f} s"
    )
    raise SystemExit(looked_at > MOST_IN_A_DAY or told["accepted"] > 0)


if __name__ == "__main__":
    main()
