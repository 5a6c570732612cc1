"""The Dockerfile: small, not root, nothing unpinned, and every file it copies there."""

import subprocess

import pytest

from tests.policy.deployment import DOCKER
from tests.policy.dockerfile import Stage, read_dockerfile
from tests.policy.project import ROOT, SERVICE_PACKAGES

BUILD, FINAL = read_dockerfile(DOCKER / "Dockerfile", {})
SCRIPTS = [
    DOCKER / name
    for name in ("make-secrets", "strongroom", "postgres/primary.sh", "postgres/standby.sh", "redis/redis.sh")
]


def copied(stage: Stage) -> list[str]:
    return [word for one in stage.all("COPY") if "from" not in one.options for word in one.words[:-1]]


def test_what_it_copies_exists_and_reaches_the_builder():
    lines = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines
    assert let_through == set(copied(BUILD))
    assert [source for source in copied(BUILD) if not (ROOT / source).exists()] == []


def test_it_copies_the_whole_service_and_nothing_that_starts_it_on_one_machine():
    assert {"strongroom", "beat_schedule.py", *SERVICE_PACKAGES} - set(copied(BUILD)) == {"stack"}


def test_both_stages_begin_with_the_same_image_of_a_version():
    assert BUILD.image == FINAL.image
    assert not FINAL.image.endswith((":latest", ":slim"))
    assert ":" in FINAL.image


def test_every_package_is_checked_against_its_hash():
    installs = [one.rest for one in BUILD.all("RUN") if " install " in one.rest]
    assert installs
    for install in installs:
        assert "--require-hashes" in install
        assert "service.lock" in install


def test_it_ends_as_a_user_without_rights_and_leaves_no_lists_behind():
    user = FINAL.last("USER").rest
    assert user.split(":")[0].isdigit()
    assert user.split(":")[0] != "0"
    system = [one.rest for one in FINAL.all("RUN") if "apt-get" in one.rest]
    assert all("--no-install-recommends" in one and "rm -rf /var/lib/apt/lists" in one for one in system)
    assert [one for one in FINAL.all("COPY") if "chown" in one.options] == []


def test_it_has_a_health_check_and_starts_without_a_shell():
    assert FINAL.last("HEALTHCHECK").rest.startswith("CMD [")
    assert FINAL.last("CMD").words == ["python3", "-m", "api"]


def test_nothing_is_added_from_elsewhere_and_no_variable_is_a_secret():
    for stage in (BUILD, FINAL):
        assert stage.all("ADD") == []
        assert [
            name for name in stage.environment() if any(word in name for word in ("PASSWORD", "TOKEN", "KEY"))
        ] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_run(script):
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(script)], check=True)
