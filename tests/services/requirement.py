"""What happens to a test whose service cannot be had: skipped on a laptop, failed where everything must be proven."""

import os
from typing import NoReturn

import pytest

REQUIRE_SERVICES = "STRONGROOM_TEST_REQUIRE_SERVICES"
YES = frozenset({"1", "true", "yes"})


def services_are_required() -> bool:
    """Say whether a missing service is a failure: always in CI, or when STRONGROOM_TEST_REQUIRE_SERVICES=1."""
    return any(os.environ.get(name, "").lower() in YES for name in ("CI", REQUIRE_SERVICES))


def service_is_missing(reason: str) -> NoReturn:
    """End the running test because a service is missing; `reason` says which one and how to get it."""
    if services_are_required():
        pytest.fail(f"{reason} (services are required here: CI or {REQUIRE_SERVICES} is set)", pytrace=False)
    pytest.skip(reason)
