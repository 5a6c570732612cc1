"""What a configuration names as the place of a secret, and what is not there in this environment."""

from collections.abc import Iterator, Mapping

from strongroom.settings import Settings


def find_unset_secrets(settings: Settings, env: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for every variable that a channel or a ping names and that is not set here.

    It is no mistake: only the processes that send read them.
    """
    tables = {f"channels.{name}": channel for name, channel in settings.channels.items()}
    for table, section in (tables | {f"pings.{name}": ping for name, ping in settings.pings.items()}).items():
        for key, variable in section:
            if key.endswith("_env") and variable is not None and not env.get(variable):
                yield (
                    f"{table}.{key}: The environment variable {variable} is not set here. "
                    "Set it where `strongroom watch` and the API are started."
                )
