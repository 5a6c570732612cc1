"""The configurations in docker/config can be used as they are, with the variables that the containers are given."""

from pathlib import Path

import pytest

from strongroom.settings import load_settings
from strongroom.settings.secret_files import EnvironmentWithFiles
from tests.policy.deployment import COMPOSE_FILES, DOCKER, services, with_default

VALUES = {
    "catalog_url": "postgresql://strongroom:p@postgres-primary/strongroom",
    "broker_url": "redis://:p@redis:6379/0",
}


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_the_configuration_fits_the_variables_of_its_compose_file(path: Path, tmp_path: Path) -> None:
    service = services(path)["api"]
    given = {}
    for name, value in service["environment"].items():
        given[name] = with_default(value).replace("/run/secrets", str(tmp_path))
        if name.endswith("_FILE"):
            secret = value.rsplit("/", 1)[-1]
            (tmp_path / secret).write_text(VALUES.get(secret, "a password of some length"))
    mounted = next(volume.split(":")[0] for volume in service["volumes"] if volume.endswith("strongroom.toml:ro"))
    settings = load_settings(DOCKER / mounted, EnvironmentWithFiles(given))
    assert settings.catalog_url.get_secret_value().startswith("postgresql://strongroom:")
    assert settings.broker.address.startswith("redis://:")
    assert settings.flower.password is not None
    assert settings.data_dir.is_relative_to("/var/lib/strongroom")
    assert len(settings.regions) == 3
