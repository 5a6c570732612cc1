"""Which silences turn alerts off."""

import pytest

from strongroom.alerts.silences import turns_alerts_off


@pytest.mark.parametrize(
    "matcher",
    [
        {},
        {"severity": "critical"},
        {"type": "failure", "severity": "*"},
        {"source": "*"},
        {"source": "??*"},
        {"cause": "*.*"},
        {"source": "[!x]*"},
        {"source": "sh*"},
        {"cause": "accounts.codes_failing.ana"},
        {"cause": "acc*"},
        {"cause": "aud?t*", "severity": "critical"},
        {"cause": "sessions.reused"},
        {"cause": "token.*"},
    ],
)
def test_what_names_nothing_turns_alerts_off(matcher: dict[str, str]) -> None:
    assert turns_alerts_off(matcher)


@pytest.mark.parametrize(
    "matcher",
    [
        {"source": "db"},
        {"source": "shop-*"},
        {"severity": "low", "region": "eu-west-1"},
        {"cause": "level.*"},
        {"cause": "*", "source": "db"},
    ],
)
def test_what_names_something_does_not(matcher: dict[str, str]) -> None:
    assert not turns_alerts_off(matcher)
