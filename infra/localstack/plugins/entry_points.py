"""How LocalStack finds the plugins, and how others find that they are there."""

from __future__ import annotations

from typing import Final

__all__ = ["ENTRY_POINTS", "PLUGIN_PATH"]

PLUGIN_PATH: Final = "/_redrive/plugin"
"""A LocalStack with the plugins answers here."""

_REGISTERED: Final = "redrive.infra.localstack.plugins.registered"

ENTRY_POINTS: Final = f"""\
[localstack.lambda.runtime_executor]
process = {_REGISTERED}:ProcessRuntimeExecutorPlugin

[localstack.aws.provider]
dynamodb:moto = {_REGISTERED}:dynamodb_moto

[localstack.hooks.on_infra_start]
redrive = {_REGISTERED}:tell
"""
"""The text of ``entry_points.txt``."""
