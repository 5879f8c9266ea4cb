"""The manifests: their form, and that they fit each other and the settings."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.deploy.programs import DEPLOY, document

from egizcore import __version__
from egizcore.settings import load

SCHEMA = json.loads((Path(__file__).parent / "schema" / "kubernetes.json").read_text())
FILES: list[str] = document("kubernetes/kustomization.yaml")["resources"]
MANIFESTS: dict[str, dict[str, Any]] = {
    one["kind"]: one for one in (document(f"kubernetes/{file}") for file in FILES)
}
POD: dict[str, Any] = MANIFESTS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


@pytest.mark.parametrize("kind", MANIFESTS)
def test_each_manifest_has_the_form_that_kubernetes_takes(kind: str) -> None:
    name = next(name for name in SCHEMA["$defs"] if name.endswith(f".{kind}"))
    validator = jsonschema_rs.validator_for(SCHEMA | {"$ref": f"#/$defs/{name}"})
    errors = validator.iter_errors(MANIFESTS[kind])
    assert [f"{error.instance_path}: {error.message}" for error in errors] == []
    assert not validator.is_valid(MANIFESTS[kind] | {"sepc": {}})


def test_every_file_is_applied() -> None:
    there = {one.name for one in (DEPLOY / "kubernetes").iterdir()} - {"kustomization.yaml"}
    assert set(FILES) == there


def test_there_is_one_at_a_time_since_state_is_in_memory() -> None:
    spec = MANIFESTS["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_image_is_of_this_version() -> None:
    assert CONTAINER["image"] == f"egizcore:{__version__}"


def test_everything_points_at_the_same_pods() -> None:
    labels = {"app.kubernetes.io/name": "egizcore"}
    assert POD["metadata"]["labels"] == labels
    assert MANIFESTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["Service"]["spec"]["selector"] == labels
    assert MANIFESTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels


def test_the_settings_are_real_and_found() -> None:
    (variable,) = CONTAINER["env"]
    folder, name = variable["value"].rsplit("/", 1)
    assert variable["name"] == "EGIZCORE_CONFIG"
    assert name in MANIFESTS["ConfigMap"]["data"]
    mounts = {one["name"]: one["mountPath"] for one in CONTAINER["volumeMounts"]}
    volumes = {one["name"]: one for one in POD["spec"]["volumes"]}
    assert mounts["settings"] == folder
    assert volumes["settings"]["configMap"]["name"] == MANIFESTS["ConfigMap"]["metadata"]["name"]
    claim = volumes["history"]["persistentVolumeClaim"]["claimName"]
    assert claim == MANIFESTS["PersistentVolumeClaim"]["metadata"]["name"]
    assert mounts.keys() == volumes.keys()


def test_egizcore_takes_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "egizcore.yaml"
    file.write_text(MANIFESTS["ConfigMap"]["data"]["egizcore.yaml"])
    settings = load(config=file, environ={}).settings
    ports = {one["name"]: one["containerPort"] for one in CONTAINER["ports"]}
    assert ports == {"http": settings.http.port, "mqtt": settings.endpoint.port}
    mounts = {one["mountPath"] for one in CONTAINER["volumeMounts"]}
    assert str(Path(settings.history.path).parent) in mounts
    claim = MANIFESTS["PersistentVolumeClaim"]["spec"]["resources"]["requests"]["storage"]
    assert int(claim.removesuffix("Gi")) << 30 > settings.history.max_size


def test_the_probes_ask_what_they_mean() -> None:
    paths = {one: CONTAINER[one]["httpGet"]["path"] for one in CONTAINER if one.endswith("Probe")}
    assert paths == {
        "startupProbe": "/health/ready",
        "livenessProbe": "/health",
        "readinessProbe": "/health/ready",
    }
    assert all(CONTAINER[one]["httpGet"]["port"] == "http" for one in paths)


def test_the_pod_has_no_right_that_it_does_not_need() -> None:
    pod, container = POD["spec"]["securityContext"], CONTAINER["securityContext"]
    assert pod["runAsNonRoot"]
    assert pod["runAsUser"] == pod["fsGroup"] == 10_001
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["spec"]["automountServiceAccountToken"] is False
    assert f"USER {pod['runAsUser']}:" in (DEPLOY / "Dockerfile").read_text()


def test_it_has_the_memory_of_the_prd() -> None:
    assert CONTAINER["resources"]["limits"] == {"memory": "512Mi"}  # NFR-5


def test_only_who_was_named_reaches_it_and_it_reaches_only_what_it_needs() -> None:
    policy = MANIFESTS["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (ingress,) = policy["ingress"]
    assert all("podSelector" in one or "namespaceSelector" in one for one in ingress["from"])
    open_ports = {one["port"] for one in ingress["ports"]}
    assert open_ports == {one["port"] for one in MANIFESTS["Service"]["spec"]["ports"]}
    assert all(one["ports"] for one in policy["egress"])
