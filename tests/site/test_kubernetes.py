"""deploy/kubernetes/: valid by the published schemas, safe, and true to the code that it runs."""

import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from django.db import connection

from tests.factories import RecordFactory, assessed

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
RESOURCES = [
    document
    for name in KUSTOMIZATION["resources"]
    for document in yaml.safe_load_all((FOLDER / name).read_text())
]
WORKLOADS = {
    resource["metadata"]["name"]: resource
    for resource in RESOURCES
    if resource["kind"] in ("Deployment", "Job")
}
CONFIG = dict(
    literal.split("=", 1) for literal in KUSTOMIZATION["configMapGenerator"][0]["literals"]
)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
SECRETS = {
    "skincare": {Path(path).name for path in CONFIG.values() if path.startswith("/run/secrets/")},
    "skincare-owner": {"database_owner_url"},
    "skincare-broker": {"broker_password"},
    "skincare-keda": {"keda_database_url"},
}


def named(kind: str) -> list[dict]:
    return [resource for resource in RESOURCES if resource["kind"] == kind]


def pod(workload: dict) -> dict:
    return workload["spec"]["template"]["spec"]


def containers(workload: dict) -> list[dict]:
    return pod(workload).get("initContainers", []) + pod(workload)["containers"]


def names(resource: dict) -> str:
    return f"{resource['kind']}-{resource['metadata']['name']}"


@pytest.mark.parametrize("version", ["1.32", "1.37"])
@pytest.mark.parametrize("resource", RESOURCES, ids=names)
def test_each_keeps_to_the_schema_that_kubernetes_publishes(resource, version) -> None:
    if not resource["apiVersion"].startswith("keda.sh/"):
        kubernetes_validate.validate(resource, version, strict=True)


def test_the_schemas_refuse_what_is_wrong() -> None:
    wrong = yaml.safe_load((FOLDER / "beat.yaml").read_text())
    wrong["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


def test_every_file_is_applied() -> None:
    there = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert there == set(KUSTOMIZATION["resources"])


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=names)
def test_each_container_may_as_little_as_possible(workload) -> None:
    spec = pod(workload)
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert spec["automountServiceAccountToken"] is False
    for container in containers(workload):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=names)
def test_each_mount_has_its_volume_and_each_secret_is_known(workload) -> None:
    volumes = {volume["name"]: volume for volume in pod(workload)["volumes"]}
    for container in containers(workload):
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
    for volume in volumes.values():
        if "secret" in volume:
            assert volume["secret"]["secretName"] in SECRETS


def test_what_serves_is_asked_whether_it_lives() -> None:
    for name in ("web", "worker", "broker"):
        assert "livenessProbe" in pod(WORKLOADS[name])["containers"][0]
    assert "readinessProbe" in pod(WORKLOADS["web"])["containers"][0]


@pytest.mark.parametrize("broker_is_up", [True, False])
def test_a_worker_that_does_not_answer_is_restarted_but_none_for_the_broker(
    process_environment, broker_is_up
) -> None:
    """An outage of the broker restarted every worker, again and again."""
    command = pod(WORKLOADS["worker"])["containers"][0]["livenessProbe"]["exec"]["command"]
    path = f"{Path(sys.executable).parent}:{process_environment['PATH']}"
    environment = process_environment | {"HOSTNAME": "not-there", "PATH": path}
    if not broker_is_up:
        environment["REDIS_URL"] = "redis://127.0.0.1:1/0"
    asked = subprocess.run(command, cwd=ROOT, env=environment, timeout=120)
    assert (asked.returncode == 0) is not broker_is_up


def test_the_commands_are_those_of_the_compose_file() -> None:
    for name in ("web", "worker", "beat"):
        assert pod(WORKLOADS[name])["containers"][0]["command"] == COMPOSE[name]["command"]
    assert (
        pod(WORKLOADS["migrate"])["containers"][0]["command"][:3]
        == (COMPOSE["migrate"]["command"][:3])
    )


def test_there_is_one_beat_which_goes_before_the_next_comes() -> None:
    spec = WORKLOADS["beat"]["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")
    scaled = [each["spec"]["scaleTargetRef"]["name"] for each in named("ScaledObject")]
    assert scaled == ["worker"]


def test_each_selector_finds_the_pods_that_it_means() -> None:
    labels = {
        name: workload["spec"]["template"]["metadata"]["labels"]
        for name, workload in WORKLOADS.items()
    }
    for name, workload in WORKLOADS.items():
        if workload["kind"] == "Deployment":
            assert workload["spec"]["selector"]["matchLabels"] == labels[name]
    for resource in named("Service"):
        assert resource["spec"]["selector"] in labels.values()
    for resource in named("PodDisruptionBudget"):
        assert resource["spec"]["selector"]["matchLabels"] in labels.values()
    for resource in named("NetworkPolicy"):
        if chosen := resource["spec"]["podSelector"]:
            assert chosen["matchLabels"] in labels.values()


def test_nobody_speaks_to_anybody_who_is_not_named() -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in named("NetworkPolicy")}
    closed = policies["nothing-else"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert WORKLOADS.keys() <= policies.keys()


def test_each_variable_is_one_that_the_program_reads() -> None:
    code = "".join(
        path.read_text()
        for folder in ("skincare_site", "accounts")
        for path in (ROOT / folder).glob("*.py")
    )
    for variable in CONFIG:
        name = variable.removesuffix("_FILE")
        # Those of a store stand there without S3_, since backups have the same.
        read = rf'"{name}"|\{{prefix\}}{name.removeprefix("S3_")}"'
        # gunicorn's own.
        assert name in ("FORWARDED_ALLOW_IPS", "PORT") or re.search(read, code), variable


def test_every_secret_is_told_in_the_description() -> None:
    page = (ROOT / "docs/scaling.md").read_text()
    for name, keys in SECRETS.items():
        assert name in page
        for key in keys:
            assert key in page


# What KEDA's custom resources ask for: https://keda.sh/docs/latest/reference/scaledobject-spec/
# and https://keda.sh/docs/latest/scalers/postgresql/
def test_the_scaler_names_what_exists_and_all_that_keda_needs() -> None:
    [scaled] = named("ScaledObject")
    [login] = named("TriggerAuthentication")
    assert scaled["apiVersion"] == login["apiVersion"] == "keda.sh/v1alpha1"
    assert scaled["spec"].keys() <= {
        *("scaleTargetRef", "pollingInterval", "cooldownPeriod", "minReplicaCount"),
        *("maxReplicaCount", "triggers", "fallback", "advanced", "idleReplicaCount"),
    }
    assert scaled["spec"]["scaleTargetRef"]["name"] in WORKLOADS
    assert 1 <= scaled["spec"]["minReplicaCount"] < scaled["spec"]["maxReplicaCount"]
    [trigger] = scaled["spec"]["triggers"]
    assert trigger["type"] == "postgresql"
    assert trigger["metadata"].keys() >= {"query", "targetQueryValue"}
    assert all(isinstance(value, str) for value in trigger["metadata"].values())
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]
    [reference] = login["spec"]["secretTargetRef"]
    assert reference["parameter"] == "connection"
    # An address of its own: what Django alone understands of the service's, PostgreSQL refuses.
    assert reference["key"] in SECRETS[reference["name"]] - SECRETS["skincare"]


@pytest.mark.django_db
def test_the_scalers_query_counts_what_waits(alice) -> None:
    RecordFactory(owner=alice)
    RecordFactory(owner=alice, running=True)
    assessed(owner=alice)
    [scaled] = named("ScaledObject")
    with connection.cursor() as cursor:
        cursor.execute(scaled["spec"]["triggers"][0]["metadata"]["query"])
        assert cursor.fetchone() == (2,)
