"""The deployment files by the schemas of the tools that read them, and what a careful operator would look for."""

import subprocess
from typing import Any

import kubernetes_validate
import yaml
from compose_spec import PyCompose

from tests.conftest import ROOT

BASE = ROOT / "deploy" / "kustomize" / "base"
KUBERNETES = "1.32"


def manifests() -> list[dict[str, Any]]:
    """Every manifest of the base."""
    built = "---\n".join(path.read_text() for path in sorted(BASE.glob("*.yaml")) if path.name != "kustomization.yaml")
    return [made for made in yaml.safe_load_all(built) if made]


def test_every_manifest_is_valid() -> None:
    for made in manifests():
        kubernetes_validate.validate(made, KUBERNETES, strict=True)
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in BASE.glob("*.yaml")} == {*listed, "kustomization.yaml"}


def test_pods_are_confined_and_watched() -> None:
    found = {made["kind"]: made for made in manifests()}
    assert {"HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "Service", "Job"} <= set(found)
    for kind in ("Deployment", "Job"):
        pod = found[kind]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
    pod = found["Deployment"]["spec"]["template"]["spec"]
    probes = {name: pod["containers"][0][name]["httpGet"]["path"] for name in ("readinessProbe", "livenessProbe")}
    assert probes == {"readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    drain = float(found["ConfigMap"]["data"]["TUNEWISE_DRAIN_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] >= drain + 30
    labels = found["Deployment"]["spec"]["selector"]["matchLabels"]
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert labels.items() <= found["Deployment"]["spec"]["template"]["metadata"]["labels"].items()


def test_the_composition_is_valid() -> None:
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    told = yaml.safe_load(text)
    PyCompose.from_yaml(yaml.safe_dump(told)).validate()
    service = told["services"]["tunewise"]
    assert service["read_only"] is True
    assert service["deploy"]["replicas"] == 3
    assert "TUNEWISE_DB_PASSWORD:?" in service["environment"]["TUNEWISE_DATABASE_URL"]


def test_the_proxy_takes_its_configuration() -> None:
    done = subprocess.run(
        ["haproxy", "-c", "-f", str(ROOT / "deploy" / "haproxy.cfg")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_dockerfile_is_clean() -> None:
    done = subprocess.run(["hadolint", str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
