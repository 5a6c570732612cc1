"""The settings of an installation, from strongroom.toml and the environment; nothing else reads either."""

from strongroom.settings.aws import (
    SNAPSHOT_KINDS,
    AwsAccessSettings,
    EbsSourceSettings,
    RdsSourceSettings,
    RegionAwsSettings,
    SnapshotSourceSettings,
)
from strongroom.settings.aws_feeds import CloudWatchLogsSourceSettings, S3SourceSettings
from strongroom.settings.broker import BrokerSettings
from strongroom.settings.column_keys import ColumnKeySettings, column_keys_without_file
from strongroom.settings.databases import DatabaseSettings
from strongroom.settings.environment import DEFAULT_FILE, find_config, process_environment
from strongroom.settings.errors import (
    ConfigError,
    ConfigNotFoundError,
    ConfigNotWritableError,
    Mistake,
    SecretMissingError,
    SkipNotConfiguredError,
    UnknownDatabaseError,
    UnknownPeerError,
    UnknownRegionError,
    UnknownSourceError,
    UnknownStandbyError,
)
from strongroom.settings.loading import load_settings
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.settings.regions import KekSettings, RegionSettings
from strongroom.settings.retention import PolicySettings, RetentionSettings
from strongroom.settings.root import (
    ApiSettings,
    FlowerSettings,
    JobSettings,
    KeyringSettings,
    RepositorySettings,
    Settings,
    WorkerSettings,
)
from strongroom.settings.sessions import SessionIdFormat, SessionRedis, SessionSettings
from strongroom.settings.skip import (
    EncryptorFaceSettings,
    EncryptorSettings,
    PeerFaceSettings,
    PeerSettings,
    SkipSettings,
)
from strongroom.settings.sources import (
    TREE_KINDS,
    FilesSourceSettings,
    LogsSourceSettings,
    SourceSettings,
    TreeSourceSettings,
)
from strongroom.settings.standbys import ServerSettings, StandbySettings

__all__ = [
    "DEFAULT_FILE",
    "SNAPSHOT_KINDS",
    "TREE_KINDS",
    "ApiSettings",
    "AwsAccessSettings",
    "BrokerSettings",
    "CloudWatchLogsSourceSettings",
    "ColumnKeySettings",
    "ConfigError",
    "ConfigNotFoundError",
    "ConfigNotWritableError",
    "DatabaseSettings",
    "EbsSourceSettings",
    "EncryptorFaceSettings",
    "EncryptorSettings",
    "FilesSourceSettings",
    "FlowerSettings",
    "JobSettings",
    "KekSettings",
    "KeyringSettings",
    "LogsSourceSettings",
    "Mistake",
    "PeerFaceSettings",
    "PeerSettings",
    "PolicySettings",
    "PostgresSourceSettings",
    "RdsSourceSettings",
    "RegionAwsSettings",
    "RegionSettings",
    "RepositorySettings",
    "RetentionSettings",
    "S3SourceSettings",
    "SecretMissingError",
    "ServerSettings",
    "SessionIdFormat",
    "SessionRedis",
    "SessionSettings",
    "Settings",
    "SkipNotConfiguredError",
    "SkipSettings",
    "SnapshotSourceSettings",
    "SourceSettings",
    "StandbySettings",
    "TreeSourceSettings",
    "UnknownDatabaseError",
    "UnknownPeerError",
    "UnknownRegionError",
    "UnknownSourceError",
    "UnknownStandbyError",
    "WorkerSettings",
    "column_keys_without_file",
    "find_config",
    "load_settings",
    "process_environment",
]
