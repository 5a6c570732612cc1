"""Everything secret of an operator's life, looked for in logs, errors, tracebacks and every row of the catalog."""

import base64
import logging
import re
from collections.abc import Iterator

import pytest
from httpx import Response
from sqlalchemy import MetaData, select

from strongroom.catalog.session import Catalog
from tests.integration.accounts.conftest import OpenSite, Site
from tests.services.canaries import find_secrets
from tests.services.operators import PASSWORD

GUESS = "hunter2-that-was-the-password-elsewhere"


class Life:
    """What happened to an operator: the secrets there were, and the answers that refused something."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.secrets: dict[str, str] = {"password": PASSWORD, "guess": GUESS}
        self.codes: list[str] = []
        self.refused: list[Response] = []

    def live(self) -> None:
        """Log in, enrol, confirm, fail in many ways, refresh, use a backup code, and switch the factor off."""
        first = self.site.log_in().json()
        secret, backup = self.site.enrol(first["access_token"])
        self.secrets |= {"secret": secret} | {f"backup {number}": code for number, code in enumerate(backup)}
        self.refused += [self.site.log_in(password=GUESS), self.site.log_in(name=GUESS)]
        token = self.site.log_in().json()["mfa_token"]
        self.codes.append(self.site.code(secret))
        wrong = [("000000", token), (GUESS, token), (backup[0][:-1], token), (self.codes[0], f"{token}x")]
        self.refused += [self.site.post("/login/mfa-verify", {"mfa_token": t, "code": c}) for c, t in wrong]
        pair = self.site.post("/login/mfa-verify", {"mfa_token": token, "code": self.codes[0]}).json()
        self.refused.append(self.site.post("/login/mfa-verify", {"mfa_token": token, "code": self.codes[0]}))
        again = self.site.post("/refresh", {"refresh_token": pair["refresh_token"]}).json()
        self.refused.append(self.site.post("/refresh", {"refresh_token": pair["refresh_token"]}))
        by_code = {"mfa_token": self.site.log_in().json()["mfa_token"], "code": backup[1]}
        last = self.site.post("/login/mfa-verify", by_code).json()
        wish = {"password": GUESS, "code": backup[2]}
        self.refused.append(self.site.post("/mfa/disable", wish, last["access_token"]))
        self.refused.append(self.site.post("/mfa/verify", {"code": {"nested": GUESS}}, last["access_token"]))
        self.refused.append(self.site.post("/mfa/status", token=last["refresh_token"]))
        for name, tokens in (("first", first), ("pair", pair), ("again", again), ("last", last)):
            self.secrets |= {f"{name} {kind}": str(tokens[kind]) for kind in ("access_token", "refresh_token")}
        self.secrets["mfa token"] = token

    def spellings(self) -> Iterator[tuple[str, str]]:
        """Yield every secret as it might be written."""
        for name, secret in self.secrets.items():
            yield name, secret
            yield f"{name} in hex", secret.encode().hex()
            yield f"{name} in base64", base64.b64encode(secret.encode()).decode().rstrip("=")
            if name.startswith("backup"):
                yield f"{name} without dashes", secret.replace("-", "")
        raw = base64.b32decode(self.secrets["secret"])
        yield from (("secret's bytes in hex", raw.hex()), ("secret's bytes in base64", base64.b64encode(raw).decode()))

    def found_in(self, text: str) -> list[str]:
        """Name the secrets that a text holds."""
        lower = text.lower()
        return [name for name, spelling in self.spellings() if spelling.lower() in lower]


def _rows(catalog: Catalog) -> str:
    """Return every value of every table, bytes in hex and as text."""
    tables = MetaData()
    tables.reflect(catalog.engine)
    values = []
    with catalog.read() as session:
        for table in tables.sorted_tables:
            values += [value for row in session.execute(select(table)) for value in row]
    raw = [value.hex() + value.decode("latin-1") for value in values if isinstance(value, bytes)]
    return "\n".join(raw + [str(value) for value in values])


def test_no_secret_is_in_a_log_an_error_or_the_catalog(open_site: OpenSite, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "strongroom", "api", "uvicorn", "httpx", "sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool"):
        caplog.set_level(logging.DEBUG, logger=name)
    life = Life(open_site())
    life.live()

    assert "INSERT INTO account_factor" in caplog.text, "statements were not logged: the test looks at nothing"
    assert life.found_in(caplog.text) + find_secrets(caplog.text) == []
    assert [code for code in life.codes if re.search(rf"\b{code}\b", caplog.text)] == []

    assert {answer.status_code // 100 for answer in life.refused} == {4}
    for answer in life.refused:
        assert life.found_in(answer.text + str(answer.headers)) == []
        assert [code for code in life.codes if code in answer.text] == []

    rows = _rows(life.site.house.services.catalog)
    assert "ana" in rows, "the rows are those of this installation"
    assert life.found_in(rows) == []
