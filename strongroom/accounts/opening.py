"""Everything about operators, put together for one process."""

from dataclasses import dataclass

from strongroom.accounts.codes import CodeCheck
from strongroom.accounts.limits import AddressLimiter
from strongroom.accounts.login import Login, LoginParts
from strongroom.accounts.mfa import Mfa, MfaParts
from strongroom.accounts.password_check import PasswordCheck
from strongroom.accounts.passwords import Cost, Passwords
from strongroom.accounts.policy import MfaPolicy
from strongroom.accounts.ring import FactorRing
from strongroom.accounts.roster import Accounts
from strongroom.accounts.sessions import Sessions
from strongroom.accounts.tokens import Tokens
from strongroom.accounts.witnessing import Refuse
from strongroom.services import Services
from strongroom.settings import Settings


@dataclass(frozen=True, slots=True)
class Operators:
    """What the API and the command work with."""

    accounts: Accounts
    login: Login
    mfa: Mfa
    sessions: Sessions
    codes: CodeCheck


def open_operators(
    services: Services, limiter: AddressLimiter, cost: Cost | None = None, refuse: Refuse | None = None
) -> Operators:
    """Put the parts together; connects to nothing and reads no key until something is used.

    `refuse` takes refusals that come as often as somebody likes; without it each one is written by itself.
    """
    catalog, clock, random, keys = services.catalog, services.clock, services.random, services.purpose_keys
    policy = policy_of(services.settings)
    passwords, tokens = Passwords(random, cost), Tokens(keys, clock)
    check = PasswordCheck(catalog, passwords, refuse)
    codes = CodeCheck(catalog, keys, FactorRing(keys), policy, refuse)
    sessions = Sessions(catalog, tokens, clock, random)
    login = LoginParts(catalog, check, codes, sessions, tokens, limiter, policy, clock, random, refuse)
    mfa = MfaParts(catalog, check, codes, sessions, keys, policy, clock, random)
    return Operators(Accounts(catalog, passwords, clock, random), Login(login), Mfa(mfa), sessions, codes)


def open_codes(services: Services) -> tuple[Accounts, CodeCheck]:
    """Return what commands work with, which log nobody in."""
    keys = services.purpose_keys
    accounts = Accounts(services.catalog, Passwords(services.random), services.clock, services.random)
    return accounts, CodeCheck(services.catalog, keys, FactorRing(keys), policy_of(services.settings))


def policy_of(settings: Settings) -> MfaPolicy:
    """Return what the settings say about second factors."""
    found = settings.accounts
    return MfaPolicy(
        enabled=found.mfa_enabled,
        issuer=found.mfa_issuer_name,
        required_for_admin=found.mfa_required_for_admin,
        window_steps=found.mfa_totp_window_steps,
    )
