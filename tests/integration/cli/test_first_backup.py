"""The commands on a real installation in one directory: three regions, SQLite, jobs run in the process itself."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run, events


def test_init_sets_up_everything_a_first_backup_needs(run: Run, tmp_path: Path) -> None:
    code, _, err = run("init")
    assert code == 0
    assert "Keep a copy" in err
    assert (tmp_path / "strongroom.keys").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert run("config", "check")[0] == 0
    assert run("status")[0] == 0


def test_init_never_overwrites_a_configuration(run: Run, tmp_path: Path) -> None:
    (tmp_path / "strongroom.toml").write_text("mine")
    code, _, err = run("init")
    assert code == 11
    assert "cli.config_exists" in err
    assert (tmp_path / "strongroom.toml").read_text() == "mine"


def test_init_upgrade_changes_nothing_that_is_there(installed: Run, tmp_path: Path) -> None:
    keys = (tmp_path / "strongroom.keys").read_bytes()
    config = (tmp_path / "strongroom.toml").read_bytes()
    assert installed("init", "--upgrade")[0] == 0
    assert (tmp_path / "strongroom.keys").read_bytes() == keys
    assert (tmp_path / "strongroom.toml").read_bytes() == config


def test_init_upgrade_sets_up_a_region_that_was_added(installed: Run, tmp_path: Path) -> None:
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write('\n[regions.attic]\npath = "regions/attic"\n')
    assert installed("init", "--upgrade")[0] == 0
    assert installed("backup", "run", "uploads", "--here")[0] == 0
    assert list((tmp_path / "regions/attic/c/uploads").iterdir())


@pytest.mark.parametrize("lost", [["strongroom.keys"], ["strongroom.keys", "strongroom.keys.copy"]])
def test_init_upgrade_makes_no_new_keys_for_a_repository_that_is_there(
    installed: Run, tmp_path: Path, lost: list[str]
) -> None:
    assert installed("backup", "run", "uploads", "--here")[0] == 0
    for name in lost:
        (tmp_path / name).rename(tmp_path / f"{name}.elsewhere")
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("strongroom.keys*")}
    code, _, err = installed("init", "--upgrade")
    assert code == 2
    assert "put" in err.lower()
    assert {path.name: path.read_bytes() for path in tmp_path.glob("strongroom.keys*")} == kept


def test_init_upgrade_does_not_make_a_lost_region_again(installed: Run, tmp_path: Path) -> None:
    assert installed("backup", "run", "uploads", "--here")[0] == 0
    lost = next(path for path in sorted((tmp_path / "regions").iterdir()))
    shutil.rmtree(lost)
    _, _, err = installed("init", "--upgrade")
    assert not lost.exists()
    ready = err.partition(" is ready in ")[2]
    assert "us-east-1" in ready
    assert lost.name not in ready


def test_a_lost_region_is_replaced_and_filled_again_when_asked_for(installed: Run, tmp_path: Path) -> None:
    assert installed("backup", "run", "uploads", "--here")[0] == 0
    lost = tmp_path / "regions" / "us-east-1"
    shutil.rmtree(lost)
    code, _, err = installed("init", "--upgrade", "--replace-region", "us-east-1")
    assert code == 0, err
    assert "1 backups will be copied" in err
    assert installed("status")[0] == 4
    assert installed("backup", "run", "uploads", "--here")[0] == 0
    assert installed("backup", "verify", "latest:uploads", "--region", "us-east-1", "--here")[0] == 0


def test_init_goes_on_without_a_region_that_is_away(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strongroom.toml").write_text(
        '[regions.here]\nhome = true\npath = "here"\n'
        '[regions.away]\nkind = "s3"\nbucket = "b"\nendpoint = "http://127.0.0.1:9"\ns3_region = "away"\n'
        'access_key_env = "KEY"\nsecret_key_env = "KEY"\n'
    )
    monkeypatch.setenv("KEY", "key")
    code, _, err = run("init", "--upgrade")
    assert code == 0, err
    assert "region away does not answer" in err
    assert (tmp_path / "here/repo").exists()


def test_a_backup_is_in_every_region_and_restores_as_it_was(installed: Run, backed_up: str, tmp_path: Path) -> None:
    target = tmp_path / "restored"
    for region in ("eu-west-1", "us-east-1", "ap-southeast-1"):
        code, out, err = installed(
            "restore", "run", backed_up, "--target", str(target / region), "--region", region, "--here"
        )
        assert code == 0, err
        assert f"from {region}" in out
        assert (target / region / "letter.txt").read_text() == "Dear reader"
        assert (target / region / "picture").read_bytes() == (tmp_path / "uploads/picture").read_bytes()


@pytest.mark.usefixtures("backed_up")
def test_the_newest_backup_is_known_by_its_source(installed: Run) -> None:
    code, out, _ = installed("backup", "show", "latest:uploads", "--json")
    assert code == 0
    assert {replica["state"] for replica in json.loads(out)["replicas"]} == {"present"}


@pytest.mark.usefixtures("backed_up")
def test_a_protected_source_is_healthy(installed: Run) -> None:
    code, out, _ = installed("status")
    assert code == 0
    assert "Every source is protected." in out


def test_a_source_without_a_backup_is_not_healthy(installed: Run) -> None:
    code, out, _ = installed("status", "--json")
    assert code == 4
    assert json.loads(out)["healthy"] is False


def test_a_region_that_is_gone_leaves_the_backup_committed_and_says_so(installed: Run, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "regions/us-east-1")
    code, _, err = installed("backup", "run", "uploads", "--here")
    assert code == 3
    assert "not every region has its copy" in err
    code, out, _ = installed("backup", "show", "latest:uploads", "--json")
    states = {replica["region"]: replica["state"] for replica in json.loads(out)["replicas"]}
    assert states == {"eu-west-1": "present", "us-east-1": "wanted", "ap-southeast-1": "present"}
    assert installed("status")[0] == 4


def test_without_the_home_region_a_restore_reads_from_another(installed: Run, backed_up: str, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "regions/eu-west-1")
    code, out, err = installed("restore", "run", backed_up, "--target", str(tmp_path / "restored"), "--here")
    assert code == 0, err
    assert "from us-east-1" in out


@pytest.mark.usefixtures("installed")
def test_a_file_that_cannot_be_read_makes_the_backup_partial(run: Run, tmp_path: Path) -> None:
    unreadable = tmp_path / "uploads/secret"
    unreadable.write_text("x")
    unreadable.chmod(0)
    # Without these two capabilities even root only reads what the mode lets it read.
    as_mortal = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*as_mortal, sys.executable, "-m", "strongroom", "backup", "run", "uploads", "--here"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 3, process.stderr
    assert "partial" in process.stdout
    assert "secret: unreadable" in process.stderr
    code, _, err = run("restore", "run", "latest:uploads", "--target", str(tmp_path / "restored"), "--here")
    assert code == 0
    assert "the backup is partial: 1 entry of uploads could not be backed up whole" in err


def test_an_empty_source_is_refused(installed: Run, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "uploads")
    (tmp_path / "uploads").mkdir()
    code, _, err = installed("backup", "run", "uploads", "--here")
    assert code != 0
    assert "empty" in err


@pytest.mark.usefixtures("backed_up")
@pytest.mark.parametrize(("name", "hint"), [("uplods", "Did you mean latest:uploads?"), ("x", "backup run x")])
def test_a_source_without_backups_is_not_found_and_the_nearest_is_named(installed: Run, name: str, hint: str) -> None:
    code, _, err = installed("backup", "show", f"latest:{name}")
    assert code == 10
    assert hint in err


def test_where_there_is_no_source_yet_it_is_said_how_one_begins(run: Run) -> None:
    assert run("init")[0] == 0
    code, _, err = run("backup", "run", "uploads", "--here")
    assert code == 10
    assert "[sources.NAME]" in err


def test_an_unknown_source_is_not_found(installed: Run) -> None:
    code, _, err = installed("backup", "run", "uplods")
    assert code == 10
    assert "Did you mean 'uploads'?" in err


def test_a_plan_writes_nothing_and_names_the_command(installed: Run, backed_up: str, tmp_path: Path) -> None:
    code, out, err = installed("restore", "plan", "latest:uploads")
    assert code == 0
    assert str(tmp_path / "uploads-restored") in out
    assert f"strongroom restore run {backed_up} --target" in err
    assert not (tmp_path / "uploads-restored").exists()


def test_a_plan_of_a_restore_that_would_fail_ends_otherwise(installed: Run, backed_up: str, tmp_path: Path) -> None:
    target = tmp_path / "restored"
    target.mkdir()
    (target / "precious").write_text("mine")
    for words in (("restore", "plan", backed_up), ("restore", "run", backed_up, "--dry-run")):
        code, _, err = installed(*words, "--target", str(target))
        assert code == 11
        assert "this restore would fail" in err
        code, out, _ = installed(*words, "--target", str(target), "--json")
        assert (code, json.loads(out)["found"]["state"]) == (11, "filled")
        assert installed(*words, "--target", str(target), "--overwrite")[0] == 0
    assert [path.name for path in target.iterdir()] == ["precious"]


def test_a_target_that_is_not_empty_is_only_overwritten_by_name(installed: Run, backed_up: str, tmp_path: Path) -> None:
    target = tmp_path / "restored"
    target.mkdir()
    (target / "precious").write_text("mine")
    words = ("restore", "run", backed_up, "--target", str(target), "--here")
    assert installed(*words)[0] != 0
    assert installed(*words, "--overwrite")[0] == 13
    assert (target / "precious").read_text() == "mine"
    assert installed(*words, "--overwrite", "--confirm", str(target))[0] == 0
    assert (target / "letter.txt").read_text() == "Dear reader"


@pytest.mark.parametrize("level", ["presence", "data"])
def test_a_whole_copy_passes_verification(installed: Run, backed_up: str, level: str) -> None:
    code, out, err = installed("backup", "verify", backed_up, "--level", level, "--here", "--json")
    assert code == 0, err
    assert events(out)[-1]["passed"] is True


@pytest.mark.parametrize("level", ["presence", "data"])
def test_a_damaged_copy_ends_in_15_and_names_the_object(
    installed: Run, backed_up: str, level: str, tmp_path: Path
) -> None:
    pack = next((tmp_path / "regions/us-east-1/p").rglob("*.pk"))
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(content)
    code, _, err = installed("backup", "verify", backed_up, "--region", "us-east-1", "--level", level, "--here")
    assert code == 15
    assert pack.name in err


def test_a_job_waits_for_a_worker_and_can_be_run_here(installed: Run) -> None:
    code, out, _ = installed("backup", "run", "uploads", "--no-wait")
    assert code == 0
    job = out.strip()
    code, out, _ = installed("jobs", "list", "--state", "queued", "--json")
    assert [item["id"] for item in json.loads(out)["items"]] == [job]
    assert "queued" in installed("jobs", "show", job)[1]
    assert installed("jobs", "run", job)[0] == 0
    assert installed("jobs", "watch", job)[0] == 0
    assert job in installed("backup", "list", "--source", "uploads", "--state", "committed")[1]


def test_a_cancelled_job_does_not_run(installed: Run) -> None:
    job = installed("backup", "run", "uploads", "--no-wait")[1].strip()
    assert "is cancelled" in installed("jobs", "cancel", job)[1]
    code, _, err = installed("jobs", "run", job)
    assert code == 1
    assert "jobs.cancelled" in err


def test_an_unknown_job_is_not_found(installed: Run) -> None:
    assert installed("jobs", "show", "0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70")[0] == 10
    assert installed("jobs", "show", "something")[0] == 2


def test_lists_are_read_page_by_page(installed: Run) -> None:
    jobs = [installed("backup", "run", "uploads", "--no-wait")[1].strip() for _ in range(3)]
    first = json.loads(installed("jobs", "list", "--limit", "2", "--json")[1])
    rest = json.loads(installed("jobs", "list", "--limit", "2", "--cursor", first["next_cursor"], "--json")[1])
    assert [item["id"] for item in first["items"] + rest["items"]] == jobs[::-1]
    assert rest["next_cursor"] is None


def test_without_its_key_file_nothing_is_decrypted(installed: Run, backed_up: str, tmp_path: Path) -> None:
    (tmp_path / "strongroom.keys").rename(tmp_path / "elsewhere")
    code, _, err = installed("restore", "plan", backed_up)
    assert code != 0
    assert "strongroom.keys" in err


def test_ctrl_c_gives_the_job_back_and_says_how_to_go_on(installed: Run, tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"uploads/big{number}").write_bytes(os.urandom(8 << 20))
    command = [sys.executable, "-m", "strongroom", "backup", "run", "uploads", "--here", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert any('"running"' in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    job = re.search(r"strongroom jobs run ([0-9a-f-]{36})", err)
    assert job
    assert "queued" in installed("jobs", "show", job[1])[1]
    assert installed("jobs", "run", job[1])[0] == 0


def test_a_job_whose_process_was_killed_is_taken_over(installed: Run, tmp_path: Path) -> None:
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write("\n[jobs]\nlease_seconds = 2\n")
    for number in range(40):
        (tmp_path / f"uploads/big{number}").write_bytes(os.urandom(8 << 20))
    command = [sys.executable, "-m", "strongroom", "backup", "run", "uploads", "--here", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    job = json.loads(process.stdout.readline())["job"]
    process.kill()
    process.communicate(timeout=60)
    assert installed("jobs", "run", job)[0] == 0
    code, out, _ = installed("backup", "show", "latest:uploads", "--json")
    assert code == 0
    assert json.loads(out)["files"] == 42


def test_a_failed_backup_is_closed_in_the_catalog(installed: Run, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "uploads")
    assert installed("backup", "run", "uploads", "--here")[0] == 10
    assert json.loads(installed("backup", "list", "--state", "running", "--json")[1])["items"] == []


def test_ctrl_c_while_waiting_leaves_the_job_alone(installed: Run) -> None:
    command = [sys.executable, "-m", "strongroom", "backup", "run", "uploads", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert '"queued"' in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on" in err
    assert json.loads(installed("jobs", "list", "--json")[1])["items"][0]["state"] == "queued"


def test_a_job_that_another_process_runs_is_followed_to_its_end(installed: Run) -> None:
    command = [sys.executable, "-m", "strongroom", "backup", "run", "uploads", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    job = json.loads(process.stdout.readline())["job"]
    assert installed("jobs", "run", job)[0] == 0
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert events(out)[-1]["message_type"] == "summary"


def test_a_queue_that_nobody_serves_is_said_to_be_silent(installed: Run):
    code, out, _ = installed("queues", "probe", "backup", "copy", "--timeout", "1", "--json")

    assert code == 4
    found = {report["queue"]: report["verdict"] for report in json.loads(out)["items"]}
    assert found == {"backup": "silent", "copy": "silent"}
    assert installed("queues", "probe", "--all", "backup")[0] == 2
    assert installed("queues", "probe")[0] == 2
