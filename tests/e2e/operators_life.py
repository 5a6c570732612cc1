"""What an operator and machines show to a running installation: every secret of theirs, for who looks for them."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from strongroom.access.principals import Role
from strongroom.accounts import totp
from strongroom.accounts.opening import open_operators
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings
from tests.e2e.deployment import Deployment
from tests.services.operators import CHEAP, PASSWORD, CountingLimiter

GUESS = "hunter2-that-was-the-password-elsewhere"
AUTH = "/api/v1/auth"


@dataclass
class Life:
    """An administrator of a deployment, and what was shown and given so far."""

    deployment: Deployment
    secrets: dict[str, str] = field(default_factory=lambda: {"password": PASSWORD, "guess": GUESS})
    codes: list[str] = field(default_factory=list)
    """What the app has shown."""
    refused: list[httpx.Response] = field(default_factory=list)

    def send(self, path: str, body: Any = None, *, token: str = "", **headers: str) -> httpx.Response:
        """Send a request with a token, or none; again where Redis took longer than the API waits for it."""
        headers = {"Authorization": f"Bearer {token}", **headers} if token else headers
        url = str(self.deployment.client.base_url.join(path))
        while (answer := httpx.post(url, json=body, headers=headers, trust_env=False, timeout=60)).status_code == 503:
            time.sleep(0.05)
        return answer

    def live(self) -> None:
        """Log in, enrol, fail in many ways, step up, refresh, and use a one-time session."""
        self._add()
        token, backup = self._enrol()
        self._step_up(token, backup)
        self._fail(token, backup)
        self._visit()

    def _add(self) -> None:
        runtime = build_runtime(load_settings(self.deployment.config, self.deployment.variables))
        open_operators(runtime.services(), CountingLimiter(), CHEAP).accounts.add("ana", Role.ADMIN, PASSWORD)
        runtime.close()

    def _log_in(self) -> dict[str, str]:
        answer: dict[str, str] = self.send(f"{AUTH}/login", {"username": "ana", "password": PASSWORD}).json()
        return answer

    def _enrol(self) -> tuple[str, list[str]]:
        enroll = self._log_in()["enroll_token"]
        secret = self.send(f"{AUTH}/mfa/enable", token=enroll).json()["secret"]
        code = totp.code_at(secret, totp.step_of(datetime.now(UTC)))
        self.codes.append(code)
        backup: list[str] = self.send(f"{AUTH}/mfa/confirm", {"code": code}, token=enroll).json()["backup_codes"]
        waiting = self._log_in()["mfa_token"]
        pair = self.send(f"{AUTH}/login/mfa-verify", {"mfa_token": waiting, "code": backup[0]}).json()
        self.secrets |= {"enroll token": enroll, "secret": secret, "mfa token": waiting}
        self.secrets |= {"access token": pair["access_token"], "first refresh token": pair["refresh_token"]}
        self.secrets |= {f"backup code {number}": code for number, code in enumerate(backup)}
        again = self.send(f"{AUTH}/refresh", {"refresh_token": pair["refresh_token"]}).json()
        self.secrets |= {"second access token": again["access_token"], "refresh token": again["refresh_token"]}
        return again["access_token"], backup

    def _step_up(self, token: str, backup: list[str]) -> None:
        asked = {"verb": "alerts.mute", "target": "alerts"}
        challenge = self.send("/v1/step-up/challenges", asked, token=token).json()["id"]
        shown = {"code": backup[1], "typed": "alerts"}
        assert self.send(f"/v1/step-up/challenges/{challenge}/confirm", shown, token=token).status_code == 200
        wish = {"matcher": {"severity": "*"}, "reason": "the server is being moved", "seconds": 60}
        done = self.send("/v1/alert-silences", wish, token=token, **{"Step-Up": challenge})
        assert done.status_code == 201, done.text

    def _fail(self, token: str, backup: list[str]) -> None:
        service = self.deployment.client.headers["Authorization"].removeprefix("Bearer ")
        self.secrets["service token"] = service
        self.refused += [
            self.send(f"{AUTH}/login", {"username": GUESS, "password": GUESS}),
            self.send(f"{AUTH}/login", {"username": "ana", "password": GUESS}),
            self.send(f"{AUTH}/mfa/verify", {"code": backup[1]}, token=token),
            self.send(f"{AUTH}/mfa/disable", {"password": GUESS, "code": backup[2]}, token=token),
            self.send(f"{AUTH}/refresh", {"refresh_token": self.secrets["first refresh token"]}),
            self.send("/v1/backups", {"source": "shop"}, token=f"{service[:-1]}~"),
            self.send(f"/v1/backups?token={GUESS}", {"source": GUESS}, token=GUESS),
        ]

    def _visit(self) -> None:
        service = self.secrets["service token"]
        made = self.send("/auth/create-session", token=service)
        assert made.status_code in (200, 201), made.text
        session = self.secrets["one-time session"] = made.json()["session_id"]
        assert self.send("/auth/validate-session", {"session_id": session}).status_code == 200
        self.refused.append(self.send("/auth/validate-session", {"session_id": session}))
