"""All settings of an installation in one immutable value."""

import difflib
from pathlib import Path

from pydantic import Field, SecretStr, SerializeAsAny

from strongroom.settings.accounts import AccountSettings
from strongroom.settings.alerts import AlertSettings
from strongroom.settings.broker import BrokerSettings
from strongroom.settings.channels import ChannelSettings, PingSettings
from strongroom.settings.column_keys import ColumnKeySettings
from strongroom.settings.databases import DatabaseSettings
from strongroom.settings.drills import DrillPlaceSettings
from strongroom.settings.errors import (
    SecretMissingError,
    SkipNotConfiguredError,
    UnknownChannelError,
    UnknownDatabaseError,
    UnknownRegionError,
    UnknownSourceError,
    UnknownStandbyError,
)
from strongroom.settings.fields import AnchoredPath, Flag, Port, Section, Text
from strongroom.settings.logs import LogSettings
from strongroom.settings.metrics import MetricsSettings
from strongroom.settings.regions import RegionSettings
from strongroom.settings.retention import BUILT_IN_POLICIES, PolicySettings, RetentionSettings
from strongroom.settings.sessions import SessionRedis, SessionSettings
from strongroom.settings.skip import SkipSettings
from strongroom.settings.sources import SourceSettings
from strongroom.settings.spans import SpanSettings
from strongroom.settings.standbys import StandbySettings


class ApiSettings(Section):
    """The HTTP API."""

    host: Text = Field("127.0.0.1", description="Address the API listens on.")
    port: Port = Field(8440, description="Port the API listens on.")
    processes: int = Field(
        1, strict=True, ge=1, le=64, description="Processes of the API that answer on that port; one a core is usual."
    )


class FlowerSettings(Section):
    """Flower, the page that shows workers and queues."""

    host: Text = Field("127.0.0.1", description="Address Flower listens on.")
    port: Port = Field(5555, description="Port Flower listens on.")
    user: Text = Field("strongroom", description="User name of Flower's login.")
    password: SecretStr | None = Field(None, min_length=8, description="Password of Flower's login.")


class KeyringSettings(Section):
    """Where key-encryption keys of provider `local` live."""

    path: AnchoredPath = Field(
        Path("strongroom.keys"),
        validate_default=True,
        description="The key file. Losing it means losing the backups it protects.",
    )


class RepositorySettings(Section):
    """How backups are written."""

    compression_level: int = Field(
        1, strict=True, ge=1, le=19, description="Level of Zstandard compression, 1 (fast) to 19 (small)."
    )
    pack_mib: int = Field(8, strict=True, ge=1, le=64, description="Size of a stored object in MiB.")
    verify_packs: Flag = Field(True, description="Whether every pack is decompressed and compared before it is stored.")
    workers: int = Field(2, strict=True, ge=1, le=16, description="Threads that compress and encrypt.")
    uploads: int = Field(2, strict=True, ge=1, le=16, description="Objects that are sent to the region at a time.")


class JobSettings(Section):
    """When a job is given up by one worker and taken up by another, and when it has to be over."""

    lease_seconds: int = Field(
        60, strict=True, ge=2, le=3600, description="Seconds after which a silent worker loses its job."
    )
    max_errors: int = Field(5, strict=True, ge=1, le=100, description="Passing errors after which a job fails.")
    max_crashes: int = Field(
        3, strict=True, ge=1, le=100, description="Crashes of its worker after which a job is dead."
    )
    retry_seconds: int = Field(
        15, strict=True, ge=1, le=3600, description="Longest wait before the first retry; it doubles with every error."
    )
    republish_seconds: int = Field(
        60, strict=True, ge=1, le=3600, description="Seconds after which an unanswered message is sent again."
    )
    backup_deadline_seconds: int | None = Field(
        None, strict=True, ge=1, examples=[43200], description="Seconds after its request when a backup fails."
    )
    restore_deadline_seconds: int | None = Field(
        None, strict=True, ge=1, examples=[43200], description="Seconds after its request when a restore fails."
    )
    copy_deadline_seconds: int | None = Field(
        None, strict=True, ge=1, examples=[86400], description="Seconds after its request when a copy fails."
    )
    verification_deadline_seconds: int | None = Field(
        None, strict=True, ge=1, examples=[86400], description="Seconds after its request when a verification fails."
    )


class WorkerSettings(Section):
    """How workers end, how they are found to hang, and what they tell Flower."""

    grace_seconds: int = Field(
        20, strict=True, ge=1, le=3600, description="Seconds that a worker which is asked to end gives its jobs."
    )
    silent_seconds: int = Field(
        60, strict=True, ge=20, le=3600, description="Seconds after which a worker that hangs ends itself."
    )
    events: Flag = Field(True, description="Whether workers tell Flower about every task.")


class CollectionSettings(Section):
    """The nightly deletion of what no backup needs, in every region."""

    apply: Flag = Field(True, description="Whether the nightly collection deletes what it finds, or only reports it.")
    max_share_percent: int = Field(
        50, strict=True, ge=0, le=100, description="Percentage of a region's packs that is deleted without asking."
    )


class VerificationSettings(Section):
    """How soon every stored byte is read back."""

    read_every_days: int = Field(
        30, strict=True, ge=1, le=3650, description="Days within which every pack in every region is read back."
    )
    most_gib_per_day: int | None = Field(
        None, strict=True, ge=1, examples=[200], description="GiB that are read back in a region a day at most."
    )


def _built_in_policies() -> dict[str, PolicySettings]:
    return {policy.name: policy for policy in BUILT_IN_POLICIES}


class TopLevel(Section):
    """What stands in the file before the first table."""

    data_dir: AnchoredPath = Field(
        Path("data"),
        validate_default=True,
        description="Directory of the embedded catalog, sockets, logs and scratch files.",
    )


class Settings(TopLevel):
    """Everything that is configured; `regions` has the home region first."""

    path: Path
    catalog_url: SecretStr
    broker: BrokerSettings
    api: ApiSettings
    flower: FlowerSettings
    metrics: MetricsSettings
    keyring: KeyringSettings
    column_keys: ColumnKeySettings
    repository: RepositorySettings
    jobs: JobSettings
    worker: WorkerSettings
    collection: CollectionSettings
    retention: RetentionSettings
    verification: VerificationSettings
    drills: DrillPlaceSettings
    regions: tuple[RegionSettings, ...] = Field(min_length=1)
    sources: dict[str, SourceSettings] = Field(default_factory=dict)
    policies: dict[str, PolicySettings] = Field(default_factory=_built_in_policies)
    databases: dict[str, DatabaseSettings] = Field(default_factory=dict)
    standbys: dict[str, StandbySettings] = Field(default_factory=dict)
    skip: SkipSettings | None = None
    accounts: AccountSettings
    logs: LogSettings
    spans: SpanSettings
    sessions: SessionSettings
    session_redis: SessionRedis
    alerts: AlertSettings
    channels: dict[str, SerializeAsAny[ChannelSettings]] = Field(default_factory=dict)
    """In the order of the file, which is the order in which one stands in for another."""
    pings: dict[str, PingSettings] = Field(default_factory=dict)

    @property
    def home(self) -> RegionSettings:
        """The region that backups are written to first."""
        return self.regions[0]

    @property
    def scratch_dir(self) -> Path:
        """Directory for private temporary files."""
        return self.data_dir / "scratch"

    def get_source(self, name: str) -> SourceSettings:
        """Return the source of this name; raises UnknownSourceError, which names the nearest one."""
        if name in self.sources:
            return self.sources[name]
        what = f"There is no source {name[:64]!r} in {self.path.name}."
        raise UnknownSourceError(what, next_step=_nearest(name, list(self.sources), "sources"))

    def get_database(self, name: str | None) -> DatabaseSettings:
        """Return the database of this name, or the only one; raises UnknownDatabaseError, which names the nearest."""
        if name is None and len(self.databases) == 1:
            return next(iter(self.databases.values()))
        if name in self.databases:
            return self.databases[name]
        missing = "Which database is meant is not said" if name is None else f"There is no database {name[:64]!r}"
        raise UnknownDatabaseError(
            f"{missing} in {self.path.name}.", next_step=_nearest(name or "", list(self.databases), "databases")
        )

    def get_standby(self, name: str) -> StandbySettings:
        """Return the primary and standby of this name; raises UnknownStandbyError, which names the nearest one."""
        if name in self.standbys:
            return self.standbys[name]
        what = f"There is no [standbys.{name[:64]}] in {self.path.name}."
        raise UnknownStandbyError(what, next_step=_nearest(name, list(self.standbys), "standbys"))

    def require_skip(self) -> SkipSettings:
        """Return the settings of the key provider; raises SkipNotConfiguredError where there are none."""
        if self.skip is None:
            raise SkipNotConfiguredError(
                f"There is no [skip] in {self.path.name}.", next_step="Make one with `strongroom peers setup`."
            )
        return self.skip

    def get_channel(self, name: str) -> ChannelSettings:
        """Return the channel of this name; raises UnknownChannelError, which names the nearest one."""
        if name in self.channels:
            return self.channels[name]
        what = f"There is no channel {name[:64]!r} in {self.path.name}."
        raise UnknownChannelError(what, next_step=_nearest(name, list(self.channels), "channels"))

    def get_region(self, name: str) -> RegionSettings:
        """Return the region of this name; raises UnknownRegionError, which names the nearest one."""
        for region in self.regions:
            if region.name == name:
                return region
        names = [region.name for region in self.regions]
        what = f"There is no region {name[:64]!r} in {self.path.name}."
        raise UnknownRegionError(what, next_step=_nearest(name, names, "regions"))

    def regions_of(self, policy: str) -> tuple[str, ...]:
        """Return the names of the regions a policy asks for, home first."""
        wanted = self.policies[policy].regions
        return tuple(region.name for region in self.regions if wanted is None or region.name in wanted)

    def require_flower_password(self) -> SecretStr:
        """Return the password of Flower's login; raises SecretMissingError where there is none."""
        return _required(self.flower.password, "STRONGROOM_FLOWER_PASSWORD", "Flower does not start without a login.")


def _required(secret: SecretStr | None, variable: str, why: str) -> SecretStr:
    if secret is None:
        raise SecretMissingError(why, next_step=f"Set {variable} in the environment of the process.")
    return secret


def _nearest(name: str, known: list[str], what: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Configured {what}: {', '.join(known)}." if known else f"There are no {what} yet. Add one: [{what}.NAME]"
