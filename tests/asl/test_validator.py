"""What others' tools say of the definitions, and where they lead in another partition of AWS."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.asl import node
from tests.asl.machines import MACHINES
from tests.deployments import Deployment, mocked_deployment
from tests.rendering import Terraform

pytestmark = pytest.mark.xdist_group("terraform-module")


def test_definitions__pass_asl_validator(deployment: Deployment, tmp_path: Path) -> None:
    for machine in MACHINES:
        text = deployment.definitions[f"medallion-{machine}"]
        (tmp_path / f"{machine}.json").write_text(text, encoding="utf-8")
    paths = sorted(str(path) for path in tmp_path.glob("*.json"))
    found = node.run("validate.mjs", *paths)
    assert sorted(found) == paths
    assert {path: errors for path, errors in found.items() if errors} == {}


def test_validator__hears_of_what_is_wrong(deployment: Deployment, tmp_path: Path) -> None:
    broken = deployment.definitions["medallion-crawl"].replace('"Type": "Wait"', '"Type": "Wat"')
    path = tmp_path / "broken.json"
    path.write_text(broken, encoding="utf-8")
    assert node.run("validate.mjs", str(path))[str(path)]


def test_definitions__of_another_partition__name_no_other(module: Terraform) -> None:
    deployment = mocked_deployment(module, "partition")
    found = {machine: deployment.definitions[f"medallion-{machine}"] for machine in MACHINES}
    # What the pretended provider says of the resources that it makes.
    pretended = re.compile(r"arn:aws:(sns|sqs|states):us-east-1:123456789012:")
    for machine, definition in found.items():
        text = pretended.sub("", definition)
        assert "arn:aws-us-gov:states:::" in text, machine
        assert not re.search(r"arn:aws:|console\.aws\.amazon\.com", text), machine
    for machine in ("dataset", "notify"):
        assert (
            "https://console.amazonaws-us-gov.com/states/home?region=us-gov-west-1"
            in found[machine]
        )
    [template] = [
        target["input_transformer"][0]["input_template"]
        for address, target in deployment.values("aws_cloudwatch_event_target").items()
        if address.endswith("run_cut_off")
    ]
    assert "https://console.amazonaws-us-gov.com/states/home" in template
