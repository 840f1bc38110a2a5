"""The Lambda function that is deployed to be told what to do. Stands alone: the standard library and nothing else.

It shows each event to the process that measures, at ``SCRIPT_URL``, and does what is answered.
"""

import json
import os
import time
import urllib.request
import uuid
from typing import Any

ENVIRONMENT = uuid.uuid4().hex
"""The same for all invocations that share this execution environment."""

# On the machine that measures, whatever proxy its user has.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def handler(event: dict[str, Any], context: object) -> Any:  # noqa: ARG001 - Lambda gives both
    """Lambda's entry."""
    doing = event if "Records" not in event else _tell("began", {"event": event})
    if doing["do"] == "crash":
        os._exit(1)
    if doing["do"] == "raise":
        raise RuntimeError(doing["message"])
    time.sleep(doing["after_s"])
    if "Records" in event:
        _tell("ended", {"number": doing["number"]})
    return doing["value"]


def _tell(what: str, said: dict[str, Any]) -> Any:
    body = json.dumps({"environment": ENVIRONMENT, **said}).encode()
    request = urllib.request.Request(f"{os.environ['SCRIPT_URL']}/{what}", data=body, method="POST")  # noqa: S310
    with _OPENER.open(request, timeout=5) as answer:
        return json.load(answer)
