"""The compose files: valid, whole, closed by default, and running every process there is."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.policy.deployment import COMPOSE_FILES, DOCKER, compose, documented_commands, is_ours, purpose, services

PRODUCTION = COMPOSE_FILES[1]
each_file = pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_URL$|KEY$", re.I)


def schema() -> Any:
    """The schema of the Compose Specification, as check-jsonschema ships it."""
    place = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    return json.loads(place.read_text(encoding="utf-8"))


@each_file
def test_it_is_valid(path: Path):
    jsonschema.validate(compose(path), schema())


def test_the_schema_finds_mistakes():
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"services": {"api": {"comand": "x"}}}, schema())


@each_file
def test_every_volume_network_secret_and_dependency_exists(path: Path):
    document = compose(path)
    for name, service in services(path).items():
        volumes = [volume.split(":")[0] for volume in service.get("volumes", [])]
        assert {v for v in volumes if not v.startswith(".")} <= set(document.get("volumes", {})), name
        assert set(service.get("networks", [])) <= set(document.get("networks", {})), name
        assert set(service.get("secrets", [])) <= set(document.get("secrets", {})), name
        assert set(service.get("depends_on", {})) <= set(services(path)), name


@each_file
def test_every_volume_network_and_secret_is_used(path: Path):
    document = compose(path)
    for kind in ("volumes", "networks", "secrets"):
        used = {str(one).split(":")[0] for service in services(path).values() for one in service.get(kind, [])}
        assert set(document.get(kind, {})) <= used, kind


@each_file
def test_every_file_that_is_mounted_exists(path: Path):
    mounted = {
        volume.split(":")[0]
        for service in services(path).values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    }
    assert mounted
    assert {one for one in mounted if not (DOCKER / one).exists()} == set()


@each_file
def test_every_secret_file_that_a_process_is_told_of_is_given_to_it(path: Path):
    for name, service in services(path).items():
        told = re.findall(r"/run/secrets/(\w+)", json.dumps({**service, "volumes": []}))
        assert set(told) <= set(service.get("secrets", [])), name


@each_file
def test_it_runs_every_process_that_the_documentation_names(path: Path):
    wanted = set().union(*(purpose(command) for command in documented_commands()))
    running = set()
    for service in services(path).values():
        if is_ours(service["image"]) and "init" not in service.get("command", []):
            running |= purpose(" ".join(service.get("command", ["python3", "-m", "api"])))
    assert len(wanted) > 10
    assert running == wanted


@each_file
def test_ports_are_published_on_this_machine_only(path: Path):
    published = [port for service in services(path).values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


@each_file
def test_every_process_is_looked_after(path: Path):
    unwatched = [
        name
        for name, service in services(path).items()
        if "healthcheck" not in service and name not in {"setup"} and not (name == "api" and is_ours(service["image"]))
    ]
    assert unwatched == []


@each_file
def test_no_image_is_without_a_version(path: Path):
    images = {service["image"] for service in services(path).values() if not is_ours(service["image"])}
    assert [image for image in images if ":" not in image or image.endswith(":latest")] == []


def test_no_secret_of_production_stands_in_a_variable_or_an_argument():
    for name, service in services(PRODUCTION).items():
        variables = [one for one in service.get("environment", {}) if SECRET.search(one)]
        assert [one for one in variables if not one.endswith("_FILE")] == [], name
        assert "password" not in " ".join(service.get("command", [])).lower(), name


def test_production_has_read_only_roots_no_rights_and_limits():
    for name, service in services(PRODUCTION).items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["deploy"]["resources"]["limits"]["memory"], name
        mounted = [one for one in service["volumes"] if one.startswith(".")]
        assert [one for one in mounted if not one.endswith(":ro")] == [], name


def test_databases_and_the_broker_are_in_a_network_without_a_way_out():
    closed = {name for name, network in compose(PRODUCTION)["networks"].items() if (network or {}).get("internal")}
    for name in ("postgres-primary", "postgres-standby", "redis"):
        assert set(services(PRODUCTION)[name]["networks"]) <= closed
        assert "ports" not in services(PRODUCTION)[name]
