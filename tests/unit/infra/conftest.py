"""The two descriptions of the stack, as files and as data."""

from pathlib import Path

import pytest
from cfnlint.decode import cfn_yaml

import redrive.infra


@pytest.fixture(scope="session")
def module_folder() -> Path:
    """The Terraform module."""
    return Path(redrive.infra.__path__[0]) / "terraform"


@pytest.fixture(scope="session")
def template_path() -> Path:
    """The CloudFormation template."""
    return Path(redrive.infra.__path__[0]) / "cloudformation" / "template.yaml"


@pytest.fixture(scope="session")
def template(template_path):
    """The template as data: `!Ref x` is `{"Ref": "x"}`, `!If [...]` is `{"Fn::If": [...]}`."""
    return cfn_yaml.load(str(template_path))
