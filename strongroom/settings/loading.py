"""Reads strongroom.toml and the environment into Settings, or reports every mistake at once."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strongroom.settings.accounts import read_accounts
from strongroom.settings.alerts import AlertSettings
from strongroom.settings.aws import EbsSourceSettings, RdsSourceSettings, RegionAwsSettings
from strongroom.settings.aws_feeds import CloudWatchLogsSourceSettings, S3SourceSettings
from strongroom.settings.broker import read_broker
from strongroom.settings.channel_reading import read_channels, read_pings
from strongroom.settings.column_keys import read_column_keys
from strongroom.settings.databases import read_databases
from strongroom.settings.drills import DrillPlaceSettings
from strongroom.settings.environment import catalog_url, resolve_secrets, service_secret
from strongroom.settings.errors import ConfigError, ConfigNotFoundError, Mistake
from strongroom.settings.fields import Section
from strongroom.settings.findings import Findings, SectionT, file_keys, suggest
from strongroom.settings.logs import read_logs
from strongroom.settings.metrics import MetricsSettings
from strongroom.settings.places import locate
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.settings.references import (
    check_apart,
    check_home,
    check_policies,
    check_snapshot_sources,
    check_sources,
)
from strongroom.settings.regions import KekSettings, RegionSettings
from strongroom.settings.retention import BUILT_IN_POLICIES, PolicySettings, RetentionSettings
from strongroom.settings.root import (
    ApiSettings,
    CollectionSettings,
    FlowerSettings,
    JobSettings,
    KeyringSettings,
    RepositorySettings,
    Settings,
    TopLevel,
    VerificationSettings,
    WorkerSettings,
)
from strongroom.settings.sessions import SessionSettings, read_session_redis
from strongroom.settings.skip_reading import read_skip
from strongroom.settings.sources import FilesSourceSettings, LogsSourceSettings, SourceSettings
from strongroom.settings.spans import read_spans
from strongroom.settings.standbys import read_standbys

SECTIONS: dict[str, type[Section]] = {
    "api": ApiSettings,
    "flower": FlowerSettings,
    "metrics": MetricsSettings,
    "keyring": KeyringSettings,
    "repository": RepositorySettings,
    "jobs": JobSettings,
    "alerts": AlertSettings,
    "worker": WorkerSettings,
    "collection": CollectionSettings,
    "retention": RetentionSettings,
    "verification": VerificationSettings,
    "drills": DrillPlaceSettings,
    "sessions": SessionSettings,
}
SOURCE_KINDS: dict[
    str,
    type[FilesSourceSettings]
    | type[LogsSourceSettings]
    | type[PostgresSourceSettings]
    | type[EbsSourceSettings]
    | type[RdsSourceSettings]
    | type[S3SourceSettings]
    | type[CloudWatchLogsSourceSettings],
] = {
    "files": FilesSourceSettings,
    "logs": LogsSourceSettings,
    "postgres": PostgresSourceSettings,
    "ebs": EbsSourceSettings,
    "rds": RdsSourceSettings,
    "s3": S3SourceSettings,
    "cloudwatch-logs": CloudWatchLogsSourceSettings,
}
GROUPS = ("regions", "sources", "policies", "databases", "standbys", "channels", "pings")

_SERVICE_SECRETS = {
    "flower": ("password", "STRONGROOM_FLOWER_PASSWORD", 8),
}
_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def load_settings(path: Path, env: Mapping[str, str]) -> Settings:
    """Return the settings of one file and environment.

    Raises ConfigNotFoundError where there is no file, and ConfigError with all mistakes, each with its line.
    """
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, (_syntax_mistake(text, str(error)),)) from None
    findings = Findings(locate(text), path.absolute().parent)
    values = _Reader(document, env, findings).read()
    mistakes = findings.in_order()
    if mistakes:
        raise ConfigError(path, mistakes)
    # Every section was checked by itself; to check the whole, pydantic would build also those that are not in the file.
    return Settings.model_construct(path=path.absolute(), **values)


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigNotFoundError(
            f"The configuration file {path} cannot be read: {error.strerror}.",
            next_step="Create one with `strongroom init`, or name another with --config.",
        ) from None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        mistake = Mistake(line, "the file", "This line is not UTF-8.", "Save the file as UTF-8.")
        raise ConfigError(path, (mistake,)) from None


def _syntax_mistake(text: str, message: str) -> Mistake:
    found = _LINE.search(message)
    at_end = text.rstrip("\n").count("\n") + 1
    line = int(found.group(1)) if found and found.group(1) else at_end
    what = f"This is not TOML: {_LINE.sub('', message)}."
    return Mistake(line, "syntax", what, "Strings need quotes, tables are [in.brackets].")


class _Reader:
    def __init__(self, document: dict[str, Any], env: Mapping[str, str], findings: Findings) -> None:
        self._document = document
        self._env = env
        self._findings = findings
        self._groups = {group: self._group(group) for group in GROUPS}

    def read(self) -> dict[str, Any]:
        self._refuse_unknown_tables()
        values: dict[str, Any] = {name: self._section(name, model) for name, model in SECTIONS.items()}
        data_dir = self._data_dir()
        values["data_dir"] = data_dir
        values["catalog_url"] = catalog_url(self._env, data_dir, self._findings)
        broker = self._table(self._document.get("broker", {}), ("broker",))
        values["broker"] = read_broker(broker, self._env, data_dir, self._findings)
        values["session_redis"] = read_session_redis(self._env, self._findings)
        column_keys = self._table(self._document.get("column_keys", {}), ("column_keys",))
        values["column_keys"] = read_column_keys(column_keys, self._env, self._findings)
        skip = self._table(self._document["skip"], ("skip",)) if "skip" in self._document else None
        values["accounts"] = read_accounts(self._env, self._findings)
        values["logs"] = read_logs(self._env, self._findings)
        values["spans"] = read_spans(self._env, self._findings)
        values["skip"] = read_skip(skip, self._env, self._findings)
        regions, policies, sources = self._regions(), self._policies(), self._sources()
        self._check_references(regions, policies, sources)
        values["regions"] = tuple(sorted(regions, key=lambda region: not region.home))
        values["policies"] = {policy.name: policy for policy in policies}
        values["sources"] = {source.name: source for source in sources}
        values["channels"] = read_channels(self._groups["channels"], self._findings)
        values["pings"] = read_pings(self._groups["pings"], self._groups["sources"], self._findings)
        values["databases"] = read_databases(self._groups["databases"], self._env, self._findings)
        values["standbys"] = read_standbys(self._groups["standbys"], self._env, self._findings)
        return values

    def _refuse_unknown_tables(self) -> None:
        known = [*file_keys(TopLevel), "broker", "column_keys", "skip", *SECTIONS, *GROUPS]
        for name in self._document:
            if name not in known:
                self._findings.add((name,), "This key is not known.", suggest(name, known, "Known keys"))

    def _data_dir(self) -> Path:
        table = {key: self._document[key] for key in file_keys(TopLevel) if key in self._document}
        top = self._findings.check(TopLevel, table, ())
        return top.data_dir if top else Path()

    def _section(self, name: str, model: type[SectionT]) -> SectionT | None:
        table = dict(self._table(self._document.get(name, {}), (name,)))
        if name in _SERVICE_SECRETS:
            field, variable, shortest = _SERVICE_SECRETS[name]
            if field in table:
                self._findings.add((name, field), "Secrets do not belong in the file.", f"Set {variable} instead.")
            table[field] = service_secret(variable, shortest, self._env, self._findings)
        return self._findings.check(model, table, (name,))

    def _regions(self) -> list[RegionSettings]:
        regions = []
        tables = self._groups["regions"]
        for name, table in tables.items():
            path = ("regions", name)
            resolved = resolve_secrets(RegionSettings, table, path, self._env, self._findings)
            kek = self._table(table.get("kek", {}), (*path, "kek"))
            resolved["kek"] = resolve_secrets(KekSettings, kek, (*path, "kek"), self._env, self._findings)
            if "aws" in table:
                aws = self._table(table["aws"], (*path, "aws"))
                resolved["aws"] = resolve_secrets(RegionAwsSettings, aws, (*path, "aws"), self._env, self._findings)
            if len(tables) == 1:
                resolved.setdefault("home", True)
            regions.append(self._named(RegionSettings, resolved, path))
        return [region for region in regions if region]

    def _policies(self) -> list[PolicySettings]:
        built_in = {policy.name: policy.model_dump(exclude={"name"}) for policy in BUILT_IN_POLICIES}
        written = self._groups["policies"]
        merged = built_in | {name: built_in.get(name, {}) | table for name, table in written.items()}
        policies = [self._named(PolicySettings, table, ("policies", name)) for name, table in merged.items()]
        return [policy for policy in policies if policy]

    def _sources(self) -> list[SourceSettings]:
        sources = [self._source(name, table) for name, table in self._groups["sources"].items()]
        return [source for source in sources if source]

    def _source(self, name: str, table: dict[str, Any]) -> SourceSettings | None:
        path = ("sources", name)
        model = SOURCE_KINDS.get(str(table.get("kind")))
        if model is None:
            kinds = " or ".join(f'`kind = "{kind}"`' for kind in SOURCE_KINDS)
            what = "This is not a kind of source." if "kind" in table else "The kind of source is missing."
            self._findings.add((*path, "kind"), what, f"Write {kinds}.")
            return None
        return self._named(model, resolve_secrets(model, table, path, self._env, self._findings), path)

    def _named(self, model: type[SectionT], table: dict[str, Any], path: tuple[str, str]) -> SectionT | None:
        if "name" in table:
            self._findings.add(
                (*path, "name"), "The name stands in the header.", f"Remove this; write `[{path[0]}.NAME]`."
            )
        return self._findings.check(model, table | {"name": path[1]}, path)

    def _group(self, group: str) -> dict[str, dict[str, Any]]:
        tables = self._table(self._document.get(group, {}), (group,))
        return {name: self._table(table, (group, name)) for name, table in tables.items()}

    def _table(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        header = ".".join(path)
        self._findings.add(
            path, "This should be a table.", f"Write `[{header}.NAME]`." if header in GROUPS else f"Write `[{header}]`."
        )
        return {}

    def _check_references(
        self, regions: list[RegionSettings], policies: list[PolicySettings], sources: list[SourceSettings]
    ) -> None:
        if isinstance(self._document.get("regions", {}), dict):
            check_home(self._groups["regions"], self._findings)
        check_apart(regions, self._findings)
        home = next((region.name for region in regions if region.home), None)
        check_policies(policies, self._groups["regions"], home, self._findings)
        names = {policy.name for policy in BUILT_IN_POLICIES} | set(self._groups["policies"])
        check_sources(sources, sorted(names), self._findings)
        check_snapshot_sources(sources, regions, {policy.name: policy for policy in policies}, self._findings)
