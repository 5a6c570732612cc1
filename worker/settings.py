"""The settings of this process."""

from functools import cache

from strongroom.settings import Settings, find_config, load_settings, process_environment


@cache
def read_settings() -> Settings:
    """Read strongroom.toml and the environment, once; raises ConfigError or ConfigNotFoundError."""
    environment = process_environment()
    return load_settings(find_config(None, environment), environment)
