"""The manifests: their form, and that they fit each other and the settings."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from tests.deploy.programs import DEPLOY, document, run

from egizcore import __version__
from egizcore.settings import load

SCHEMA = json.loads((Path(__file__).parent / "schema" / "kubernetes.json").read_text())
FOLDER = DEPLOY / "kubernetes"
KUSTOMIZATION: dict[str, Any] = document("kubernetes/kustomization.yaml")
FILES: list[str] = KUSTOMIZATION["resources"]
(GENERATED,) = KUSTOMIZATION["configMapGenerator"]
MANIFESTS: dict[str, dict[str, Any]] = {
    one["kind"]: one for one in (document(f"kubernetes/{file}") for file in FILES)
}
POD: dict[str, Any] = MANIFESTS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


def must_be_taken(manifest: dict[str, Any]) -> None:
    """Its form is the one that Kubernetes takes, and the schema would have seen it if not."""
    name = next(name for name in SCHEMA["$defs"] if name.endswith(f".{manifest['kind']}"))
    validator = jsonschema_rs.validator_for(SCHEMA | {"$ref": f"#/$defs/{name}"})
    errors = validator.iter_errors(manifest)
    assert [f"{error.instance_path}: {error.message}" for error in errors] == []
    assert not validator.is_valid(manifest | {"sepc": {}})


@pytest.mark.parametrize("kind", MANIFESTS)
def test_each_manifest_has_the_form_that_kubernetes_takes(kind: str) -> None:
    must_be_taken(MANIFESTS[kind])


def test_every_file_is_applied() -> None:
    there = {one.name for one in FOLDER.iterdir()} - {"kustomization.yaml"}
    assert {*FILES, *GENERATED["files"]} == there


def test_other_settings_are_another_map_so_that_the_pod_starts_anew(tmp_path: Path) -> None:
    names = []
    for text in ("", "# another\n"):
        for one in FOLDER.iterdir():
            more = text if one.name in GENERATED["files"] else ""
            (tmp_path / one.name).write_text(one.read_text() + more)
        told = run("kubectl", "kustomize", tmp_path)
        assert told.returncode == 0, told.stdout
        made = {one["kind"]: one for one in yaml.safe_load_all(told.stdout)}
        assert made.keys() == {*MANIFESTS, "ConfigMap"}
        for manifest in made.values():
            must_be_taken(manifest)
        volumes = made["Deployment"]["spec"]["template"]["spec"]["volumes"]
        names.append(made["ConfigMap"]["metadata"]["name"])
        assert names[-1] in {one["configMap"]["name"] for one in volumes if "configMap" in one}
    assert len(set(names)) == 2


def test_what_is_only_proposed_would_be_taken_too() -> None:
    """The lines that are commented out."""
    name = "networkpolicy.yaml"
    lines = re.sub(r"^( {4})#(- |  )", r"\1\2", (FOLDER / name).read_text(), flags=re.MULTILINE)
    policy = yaml.safe_load(lines)
    must_be_taken(policy)
    devices = policy["spec"]["ingress"][1]
    assert "ipBlock" in devices["from"][0]
    assert [one["port"] for one in devices["ports"]] == [1883]
    text = (FOLDER / "kustomization.yaml").read_text()
    (images,) = re.findall("^#(images: .*)$", text, re.MULTILINE)
    assert yaml.safe_load(images)["images"][0]["name"] == CONTAINER["image"].partition(":")[0]


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
    assert name in GENERATED["files"]
    mounts = {one["name"]: one["mountPath"] for one in CONTAINER["volumeMounts"]}
    volumes = {one["name"]: one for one in POD["spec"]["volumes"]}
    assert mounts["settings"] == folder
    assert volumes["settings"]["configMap"]["name"] == GENERATED["name"]
    claim = volumes["history"]["persistentVolumeClaim"]["claimName"]
    assert claim == MANIFESTS["PersistentVolumeClaim"]["metadata"]["name"]
    assert mounts.keys() == volumes.keys()


def test_egizcore_takes_the_settings() -> None:
    settings = load(config=FOLDER / "egizcore.yaml", environ={}).settings
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
    reached = {one["port"] for rule in policy["egress"] for one in rule["ports"]}
    assert reached == {53, 1883, 8883, 8086, 4318}
