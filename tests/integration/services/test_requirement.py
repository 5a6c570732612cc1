import pytest

from tests.services.requirement import REQUIRE_SERVICES, service_is_missing


@pytest.fixture(autouse=True)
def _a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv(REQUIRE_SERVICES, raising=False)


def test_a_missing_service_skips_the_test_and_says_why() -> None:
    with pytest.raises(pytest.skip.Exception, match="no such thing"):
        service_is_missing("no such thing")


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), (REQUIRE_SERVICES, "1")])
def test_a_missing_service_fails_the_test_where_services_are_required(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(pytest.fail.Exception, match="no such thing"):
        service_is_missing("no such thing")


def test_services_that_are_expressly_not_required_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception):
        service_is_missing("no such thing")
