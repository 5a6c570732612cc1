"""A policy says for how long; one that says nothing would delete everything, and is refused."""

from pathlib import Path

import pytest

from strongroom.settings import ConfigError, load_settings


def load(tmp_path: Path, rules: str) -> None:
    path = tmp_path / "strongroom.toml"
    path.write_text(f'[regions.eu]\npath = "eu"\n[policies.short]\n{rules}\n')
    load_settings(path, {})


@pytest.mark.parametrize("rules", ["retention_days = 0", "retention_days = 0\nkeep_daily = 0"])
def test_a_policy_that_keeps_nothing_is_refused_with_what_to_write(tmp_path: Path, rules: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, f"{rules}\nmin_fulls = 0")

    assert "policies.short" in str(refused.value)
    assert "keep_daily = 7" in str(refused.value)


@pytest.mark.parametrize("rules", ["retention_days = 1", "retention_days = 0\nkeep_weekly = 4"])
def test_one_rule_is_enough(tmp_path: Path, rules: str) -> None:
    load(tmp_path, f"{rules}\nmin_fulls = 0")


@pytest.mark.parametrize("rules", ["retention_days = -1", "retention_days = 1\nkeep_last = -1", "retention_days = '9'"])
def test_a_number_that_is_none_is_refused(tmp_path: Path, rules: str) -> None:
    with pytest.raises(ConfigError, match=r"policies\.short"):
        load(tmp_path, rules)
