"""What LocalStack finds by its entry points. `ENTRY_POINTS` is the text that names them."""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import Any

from localstack.constants import VERSION
from localstack.http import Response
from localstack.runtime import hooks
from localstack.services.edge import ROUTER
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.plugins import aws_provider

from .entry_points import PLUGIN_PATH
from .versions import patches_for

__all__ = ["ProcessRuntimeExecutorPlugin", "dynamodb_moto", "tell"]

LOG = logging.getLogger(__name__)


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc]
    """``LAMBDA_RUNTIME_EXECUTOR=process``. LocalStack asks for it before any mapping polls."""

    name = "process"

    def load(self, *_: Any, **__: Any) -> Any:
        from . import poller_patches
        from .executor import ProcessRuntimeExecutor

        poller_patches.apply()
        return ProcessRuntimeExecutor


@aws_provider(api="dynamodb", name="moto")  # type: ignore[untyped-decorator]
def dynamodb_moto() -> Any:
    """``PROVIDER_OVERRIDE_DYNAMODB=moto``."""
    from . import dynamodb

    return dynamodb.service()


@hooks.on_infra_start()  # type: ignore[untyped-decorator]
def tell() -> None:
    """Answer, to whoever asks, that the plugin is there, and with what."""
    _keep_objects_here()
    ROUTER.add(PLUGIN_PATH, lambda _request, **_: Response(json.dumps(_said()), mimetype="application/json"))


def _keep_objects_here() -> None:
    """Every LocalStack of a machine keeps large objects in one folder, and empties that as it ends; ours in its own."""
    from localstack.services.s3 import provider

    provider.DEFAULT_S3_TMP_DIR = str(Path(tempfile.gettempdir()) / "s3")


def _said() -> dict[str, Any]:
    return {"localstack": VERSION, "patches": list(patches_for(VERSION))}
