"""What Flower is started with: where it listens, its login, and that it may only look."""

from collections.abc import Mapping

from strongroom.settings import Settings

LOGIN = "FLOWER_BASIC_AUTH"
"""The variable from which Flower itself takes a login."""


def flower_options(settings: Settings, env: Mapping[str, str]) -> list[str]:
    """Return Flower's options, the login among them; they stay inside of this process.

    Raises SecretMissingError where there is no password.
    """
    return [
        f"--address={settings.flower.host}",
        f"--port={settings.flower.port}",
        f"--basic-auth={env.get(LOGIN) or _login(settings)}",
        "--read-only=true",
    ]


def _login(settings: Settings) -> str:
    return f"{settings.flower.user}:{settings.require_flower_password().get_secret_value()}"
