"""The Dockerfile: small, not root, nothing unpinned, and every file it copies there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.policy.deployment import DOCKER
from tests.policy.dockerfile import Stage, read_dockerfile
from tests.policy.project import ROOT, SERVICE_PACKAGES, project_files, relative
from tests.services.requirement import service_is_missing

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


def lint(*words: str, text: str | None = None) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).parent / "hadolint"
    return subprocess.run([program, "--no-color", *words], input=text, capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing():
    done = lint(str(DOCKER / "Dockerfile"))

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_hadolint_finds_mistakes():
    done = lint("-", text="FROM debian\nRUN cd /tmp\nCMD python3 -m api\n")

    assert done.returncode != 0
    assert {"DL3003", "DL3006", "DL3025"} <= set(re.findall(r"DL\d+", done.stdout))


def test_only_rules_with_a_reason_are_ignored():
    lines = (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines()
    ignored = [number for number, line in enumerate(lines) if "hadolint ignore" in line]

    assert [lines[number].removeprefix("# hadolint ignore=") for number in ignored] == ["DL3008"]
    assert all(lines[number - 1].startswith("# ") for number in ignored)


def shell_scripts() -> list[Path]:
    """Every shell script of the project, by its first line."""
    files = [path for path in project_files() if path.is_file()]
    return [path for path in files if re.match(rb"#!.*\bsh\n|#!.*bash\n", path.open("rb").readline())]


@pytest.mark.parametrize("script", shell_scripts(), ids=relative)
def test_shellcheck_finds_nothing_in_a_script(script):
    if shutil.which("shellcheck") is None:
        service_is_missing("shellcheck is not installed; tests/install-services installs it")
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_every_script_of_the_containers_is_among_them():
    assert set(SCRIPTS) <= set(shell_scripts())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_run(script):
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(script)], check=True)
