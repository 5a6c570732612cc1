"""The Kubernetes manifests: valid, whole, restricted, and running every process there is."""

from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.policy import deployment
from tests.policy.deployment import (
    COMPOSE_FILES,
    DOCKER,
    KUBERNETES,
    containers,
    documented_commands,
    is_ours,
    manifests,
    of_kind,
    pod,
    purpose,
    services,
    workloads,
)

VERSIONS = ("1.29", "1.35")
KUSTOMIZATION = yaml.safe_load(deployment.KUSTOMIZATION.read_text(encoding="utf-8"))
CONFIG_MAPS: dict[str, set[str]] = {
    one["name"]: {file.split("=")[0].rsplit("/", 1)[-1] for file in one["files"]}
    for one in KUSTOMIZATION["configMapGenerator"]
}
SECRETS = {
    f"strongroom{name}"
    for name in ("", "-postgres", "-postgres-standby", "-redis", "-prometheus", "-alertmanager", "-grafana")
}
each_workload = pytest.mark.parametrize("workload", workloads(), ids=lambda workload: workload["metadata"]["name"])


@pytest.mark.parametrize("version", VERSIONS)
def test_they_are_valid(version: str):
    for manifest in manifests():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schemas_find_mistakes():
    wrong = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_what_is_applied_exists_and_nothing_is_forgotten():
    there = {f"kubernetes/{path.name}" for path in KUBERNETES.glob("*.yaml")} - {"kubernetes/key-provider.yaml"}
    assert set(KUSTOMIZATION["resources"]) == there
    for one in KUSTOMIZATION["configMapGenerator"]:
        for file in one["files"]:
            assert (DOCKER / file.split("=")[-1]).is_file()


def test_every_rule_and_every_dashboard_reaches_the_cluster():
    given = {file for files in CONFIG_MAPS.values() for file in files}
    wanted = [*DOCKER.glob("prometheus/rules/*"), *DOCKER.glob("grafana/dashboards/*")]
    assert len(wanted) > 7
    assert {path.name for path in wanted} - given == set()


def test_what_watches_is_of_the_version_that_compose_runs():
    images = {container["image"] for workload in workloads() for container in containers(workload)}
    composed = {service["image"] for service in services(COMPOSE_FILES[1]).values() if not is_ours(service["image"])}
    assert {image for image in images if not is_ours(image)} == composed


@each_workload
def test_what_it_mounts_of_a_map_is_in_the_map_and_all_of_it_is_mounted(workload: dict[str, Any]):
    for volume in pod(workload)["volumes"]:
        if "items" in volume.get("configMap", {}):
            keys = [item["key"] for item in volume["configMap"]["items"]]
            assert set(keys) == CONFIG_MAPS[volume["configMap"]["name"]]


def test_no_name_is_given_twice():
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests()]
    assert len(names) == len(set(names))


def test_every_process_that_the_documentation_names_runs():
    wanted = set().union(*(purpose(command) for command in documented_commands()))
    running = set()
    for workload in workloads():
        for container in pod(workload)["containers"]:
            if is_ours(container["image"]):
                running |= purpose(" ".join(container["command"]))
    assert running == wanted


def test_nothing_is_a_job_of_the_cluster():
    # What is due is told by Beat and the ledger; a second clock would tell something else.
    assert of_kind("Job", "CronJob") == []


@each_workload
def test_it_is_restricted(workload: dict[str, Any]):
    spec = pod(workload)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    for container in containers(workload):
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"]


@each_workload
def test_everything_it_refers_to_exists(workload: dict[str, Any]):
    spec = pod(workload)
    assert spec["serviceAccountName"] in {one["metadata"]["name"] for one in of_kind("ServiceAccount")}
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
    used = set()
    for container in containers(workload):
        for mount in container["volumeMounts"]:
            used.add(mount["name"])
            assert mount["name"] in {*volumes, *claims}
            if "subPath" in mount:
                assert mount["subPath"] in CONFIG_MAPS[volumes[mount["name"]]["configMap"]["name"]]
    assert used == {*volumes, *claims}
    for volume in volumes.values():
        if "configMap" in volume:
            assert volume["configMap"]["name"] in CONFIG_MAPS
        if "secret" in volume:
            assert volume["secret"]["secretName"] in SECRETS


@each_workload
def test_its_selector_finds_its_own_pods(workload: dict[str, Any]):
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
    if workload["kind"] == "StatefulSet":
        assert workload["spec"]["serviceName"] in {one["metadata"]["name"] for one in of_kind("Service")}


@each_workload
def test_it_is_probed_and_a_catalog_that_is_away_restarts_nothing_of_ours(workload: dict[str, Any]):
    for container in pod(workload)["containers"]:
        assert {"startupProbe", "readinessProbe"} <= set(container)
        liveness = container.get("livenessProbe", {})
        if is_ours(container["image"]):
            assert "exec" not in liveness
            assert liveness.get("httpGet", {}).get("path") != "/health/ready"


@each_workload
def test_secrets_are_files_and_never_stand_in_the_manifest(workload: dict[str, Any]):
    for container in containers(workload):
        for variable in container.get("env", []):
            assert set(variable) == {"name", "value"}
            if any(word in variable["name"] for word in ("PASSWORD", "URL", "TOKEN", "SECRET")):
                assert variable["name"].endswith("_FILE")
                assert variable["value"].startswith("/run/secrets/")
    assert of_kind("Secret") == []


@each_workload
def test_ours_end_in_order(workload: dict[str, Any]):
    assert pod(workload).get("terminationGracePeriodSeconds", 30) >= (
        60 if "worker" in workload["metadata"]["name"] else 30
    )


def test_services_budgets_and_rules_find_pods():
    pods = [workload["spec"]["template"]["metadata"]["labels"] for workload in workloads()]
    selectors = [one["spec"]["selector"] for one in of_kind("Service")]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in of_kind("PodDisruptionBudget")]
    selectors += [one["spec"]["podSelector"].get("matchLabels", {}) for one in of_kind("NetworkPolicy")]
    for selector in selectors:
        assert any(selector.items() <= labels.items() for labels in pods), selector


def test_nothing_is_allowed_that_no_rule_allows():
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("NetworkPolicy")}
    assert policies["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert len(policies) > 4


def test_the_primary_and_the_standby_are_apart():
    names = {one["metadata"]["name"] for one in of_kind("StatefulSet")}
    assert {"postgres-primary", "postgres-standby-us-east"} <= names
    standby = next(one for one in of_kind("StatefulSet") if one["metadata"]["name"].startswith("postgres-standby"))
    given = {variable["name"]: variable["value"] for variable in containers(standby)[0]["env"]}
    assert given["PRIMARY_HOST"] in {one["metadata"]["name"] for one in of_kind("Service")}
    assert "podAntiAffinity" in pod(standby)["affinity"]
