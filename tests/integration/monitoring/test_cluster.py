"""The manifests for Kubernetes as kubectl puts them together: valid, whole, and of the files that compose mounts."""

import os
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.services.cluster import find, lay_out, render
from tests.services.monitoring import DASHBOARDS, DOCKER, RULES, check, program

DEPLOYMENT_PAGE = DOCKER.parent / "docs" / "deployment.md"
OVERLAY = re.compile(r"```yaml\n(# overlay/kustomization\.yaml.*?)```", re.S)


@pytest.fixture(scope="module")
def rendered():
    return render(DOCKER)


@pytest.fixture
def prometheus_files(rendered, tmp_path: Path) -> Path:
    """What Prometheus sees in its pod, with its token where the test can put one."""
    lay_out(rendered, find(rendered, "StatefulSet", "prometheus"), tmp_path)
    token = tmp_path / "scrape_token"
    token.write_text("x")
    config = tmp_path / "etc" / "prometheus" / "prometheus.yml"
    config.write_text(config.read_text().replace("/run/secrets/scrape_token", str(token)))
    return config


def test_every_manifest_is_valid_and_in_the_namespace(rendered):
    assert len(rendered) > 50
    for manifest in rendered:
        kubernetes_validate.validate(manifest, "1.29", strict=True)
        assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "strongroom"


def test_every_config_map_that_is_mounted_was_made_and_changes_its_name_with_its_content(rendered):
    made = {one["metadata"]["name"] for one in rendered if one["kind"] == "ConfigMap"}
    pods = [one["spec"]["template"]["spec"] for one in rendered if one["kind"] in {"Deployment", "StatefulSet"}]
    mounted = {one["configMap"]["name"] for pod in pods for one in pod["volumes"] if "configMap" in one}
    # key-provider.yaml is not applied here, so all are in use; the ending is a digest, so a change starts pods anew.
    assert mounted == made
    assert all(re.fullmatch(r"strongroom[a-z-]*-[a-z0-9]{10}", name) for name in made)


def test_prometheus_in_its_pod_takes_its_configuration_and_every_rule(prometheus_files: Path):
    done = check("promtool", "check", "config", prometheus_files)

    assert done.returncode == 0, done.stdout + done.stderr
    # Prometheus takes no rules for well, too: all have to be where its configuration looks.
    assert [file.name for file in sorted((prometheus_files.parent / "rules").iterdir())] == [f.name for f in RULES]
    assert done.stdout.count("rules found") == len(RULES)


def test_prometheus_asks_every_pod_of_the_api_even_one_that_is_not_ready(rendered, prometheus_files: Path):
    jobs = {job["job_name"]: job for job in yaml.safe_load(prometheus_files.read_text())["scrape_configs"]}
    (asked,) = jobs["strongroom"]["dns_sd_configs"]
    service = find(rendered, "Service", asked["names"][0])["spec"]

    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True
    assert service["selector"]["app.kubernetes.io/component"] == "api"
    assert asked["port"] in [port["port"] for port in service["ports"]]


def test_prometheus_tells_the_alertmanager_of_the_cluster(rendered, prometheus_files: Path):
    ((told,),) = (
        one["static_configs"] for one in yaml.safe_load(prometheus_files.read_text())["alerting"]["alertmanagers"]
    )
    name, _, port = told["targets"][0].partition(":")

    assert int(port) in [one["port"] for one in find(rendered, "Service", name)["spec"]["ports"]]


def test_alertmanager_in_its_pod_takes_its_configuration(rendered, tmp_path: Path):
    lay_out(rendered, find(rendered, "StatefulSet", "alertmanager"), tmp_path)
    done = check("amtool", "check-config", tmp_path / "etc" / "alertmanager" / "alertmanager.yml")

    assert done.returncode == 0, done.stderr


def test_grafana_in_its_pod_finds_every_dashboard_and_its_source_of_data(rendered, tmp_path: Path):
    lay_out(rendered, find(rendered, "StatefulSet", "grafana"), tmp_path)
    provisioning = tmp_path / "etc" / "grafana" / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "strongroom.yml").read_text())["providers"]
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    folder = tmp_path / provider["options"]["path"].lstrip("/")

    assert {file.name: file.read_text() for file in folder.iterdir()} == {f.name: f.read_text() for f in DASHBOARDS}
    assert source["url"] == "http://prometheus:9090"
    find(rendered, "Service", "prometheus")


def test_the_overlay_of_the_documentation_leaves_out_what_it_says(tmp_path: Path):
    shown = OVERLAY.search(DEPLOYMENT_PAGE.read_text(encoding="utf-8"))
    assert shown
    if "Kustomize Version" not in subprocess.check_output([program("kubectl"), "version", "--client"], text=True):
        pytest.skip("This kubectl is older than patches by label; 1.21 and newer know them.")
    directory = tmp_path / "overlay"
    directory.mkdir()
    # The base stands beside the overlay in a repository of one's own: here it is linked by a relative path.
    base = os.path.relpath(DOCKER, directory.resolve())
    (directory / "strongroom.toml").write_text('data_dir = "/var/lib/strongroom/data"\n')
    (directory / "kustomization.yaml").write_text(shown[1].replace("../strongroom/docker", base))
    overlaid = render(directory)
    names = {(one["kind"], one["metadata"]["name"]) for one in overlaid}
    kept = {("Deployment", "api"), ("Service", "api-each"), ("StatefulSet", "postgres-primary")}

    assert kept <= names
    assert not {name for _, name in names} & {"prometheus", "alertmanager", "grafana"}
    pods = [one["spec"]["template"]["spec"] for one in overlaid if one["kind"] == "Deployment"]
    images = {container["image"] for pod in pods for container in pod["containers"]}
    assert images == {"registry.example.org/strongroom@sha256:" + "0" * 64}
