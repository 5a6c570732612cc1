"""docs/configuration.md says exactly what the settings take."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from strongroom.settings import load_settings
from strongroom.settings.aws import RegionAwsSettings
from strongroom.settings.broker import BrokerSettings
from strongroom.settings.channels import CHANNEL_KINDS, PingSettings
from strongroom.settings.databases import DatabaseSettings
from strongroom.settings.drills import CheckSettings, DrillSettings, PostgresDrillSettings
from strongroom.settings.environment import VARIABLES
from strongroom.settings.fields import Section
from strongroom.settings.findings import is_secret, spell
from strongroom.settings.levels import DatabaseLevelSettings, FilesLevelSettings, LogsLevelSettings
from strongroom.settings.loading import SECTIONS, SOURCE_KINDS
from strongroom.settings.regions import KekSettings, RegionSettings
from strongroom.settings.retention import BUILT_IN_POLICIES, PolicySettings
from strongroom.settings.root import TopLevel
from strongroom.settings.schedules import (
    FilesScheduleSettings,
    FullScheduleSettings,
    LogGroupsScheduleSettings,
    LogsScheduleSettings,
)
from strongroom.settings.skip import (
    EncryptorFaceSettings,
    EncryptorSettings,
    PeerFaceSettings,
    PeerSettings,
    SkipSettings,
)
from strongroom.settings.standbys import ServerSettings, StandbySettings

PAGE = Path(__file__).parents[3] / "docs/configuration.md"
SERVICE_SECRETS = {"token", "password"}
TABLES = {
    "kek",
    "aws",
    "schedule",
    "drill",
    "levels",
    "primary",
    "standby",
    "encryptor_face",
    "peer_face",
    "encryptors",
    "peers",
}

HEADINGS: dict[str, type[Section]] = {
    "Top level": TopLevel,
    "`[regions.NAME]`": RegionSettings,
    "`kek` of a region": KekSettings,
    "`aws` of a region": RegionAwsSettings,
    **{f"`[sources.NAME]` of kind `{kind}`": model for kind, model in SOURCE_KINDS.items()},
    "`schedule` of a source of kind `files`": FilesScheduleSettings,
    "`schedule` of a source of kind `logs`": LogsScheduleSettings,
    "`schedule` of a source of kind `postgres`": FullScheduleSettings,
    "`schedule` of a source of kind `cloudwatch-logs`": LogGroupsScheduleSettings,
    "`drill` of a source of kind `files` or `logs`": DrillSettings,
    "`drill` of a source of kind `postgres`": PostgresDrillSettings,
    "`checks` of a `drill`": CheckSettings,
    "`levels` of a source of kind `files`": FilesLevelSettings,
    "`levels` of a source of kind `logs`": LogsLevelSettings,
    "`levels` of a source of kind `postgres`": DatabaseLevelSettings,
    "`[policies.NAME]`": PolicySettings,
    "`[databases.NAME]`": DatabaseSettings,
    **{f"`[channels.NAME]` of kind `{kind}`": model for kind, model in CHANNEL_KINDS.items()},
    "`[pings.NAME]`": PingSettings,
    "`[standbys.NAME]`": StandbySettings,
    "`primary` and `standby` of a pair": ServerSettings,
    "`[skip]`": SkipSettings,
    "`[skip.encryptor_face]`": EncryptorFaceSettings,
    "`[skip.peer_face]`": PeerFaceSettings,
    "`[skip.encryptors.NAME]`": EncryptorSettings,
    "`[skip.peers.NAME]`": PeerSettings,
    "`[broker]`": BrokerSettings,
    **{f"`[{name}]`": model for name, model in SECTIONS.items()},
}
KINDED = (*SOURCE_KINDS.values(), *CHANNEL_KINDS.values())


def section(heading: str) -> str:
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", page, flags=re.MULTILINE | re.DOTALL)
    assert found, f"docs/configuration.md has no section {heading}"
    return found[1]


def table_of(heading: str) -> list[str]:
    return [line for line in section(heading).splitlines() if line.startswith("| `")]


def rows_of(model: type[Section]) -> list[str]:
    elsewhere = TABLES | (set() if model is CheckSettings else {"name"})
    in_file = {name: field for name, field in model.model_fields.items() if name not in elsewhere}
    if model in SECTIONS.values():
        in_file = {name: field for name, field in in_file.items() if name not in SERVICE_SECRETS}
    rows = [_row(name, field) for name, field in in_file.items()]
    kind = f'| `kind` | `"{in_file["kind"].default}"` |' if "kind" in in_file else ""
    # The kind of a source or channel has a default in code only: in the file it says which keys may follow.
    return [row.replace(kind, "| `kind` | needed |") if model in KINDED else row for row in rows]


def _row(name: str, field: FieldInfo) -> str:
    key = f"{name}_env" if is_secret(field) else name
    description = field.description or ""
    if is_secret(field):
        description = f"Variable that holds: {description[0].lower()}{description[1:]}"
    return f"| `{key}` | {_default(field)} | {description} |"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return f"needed, e.g. `{spell(field.examples[0])}`" if field.examples else "needed"
    if field.default in (None, ()):
        return f"none, e.g. `{spell(field.examples[0])}`" if field.examples else "none"
    value: Any = field.default
    return f"`{spell(value)}`"


@pytest.mark.parametrize(("heading", "model"), HEADINGS.items())
def test_every_key_is_documented_with_its_default(heading: str, model: type[Section]) -> None:
    assert table_of(heading) == rows_of(model)


def test_every_key_has_a_description() -> None:
    for model in HEADINGS.values():
        assert all(field.description for name, field in model.model_fields.items() if name != "name")


def test_every_variable_is_documented() -> None:
    assert table_of("Environment") == [f"| `{name}` | {text} |" for name, text in VARIABLES.items()]


def test_the_built_in_policies_are_documented() -> None:
    assert table_of("Built-in policies") == [
        f"| `{policy.name}` | {policy.retention_days} | {', '.join(policy.compliance) or 'none'} |"
        for policy in BUILT_IN_POLICIES
    ]


def test_the_example_is_in_order(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", section("Example"), flags=re.DOTALL)
    assert example
    path = tmp_path / "strongroom.toml"
    path.write_text(example[1], encoding="utf-8")
    variables = re.findall(r'_env = "(\w+)"', example[1])
    assert load_settings(path, dict.fromkeys(variables, "secret")).sources
