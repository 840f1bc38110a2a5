"""The event source mapping of a queue, disabled for a while and then put back to how it was."""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ..sending.sqs_client import endpoint_of, region_of, sqs_client
from ..settings import SendSettings

__all__ = ["MappingError", "MappingSwitch", "mapping_switch"]

_log: Final = logging.getLogger("redrive.load")

# While a mapping changes, Lambda refuses the next change.
_BUSY: Final = frozenset({"ResourceInUseException", "TooManyRequestsException"})
_ENABLED: Final = "Enabled"
_DISABLED: Final = "Disabled"
# What a mapping is, or will be.
_ON: Final = frozenset({_ENABLED, "Enabling", "Creating", "Updating"})
_EVERY_S: Final = 1.0
_WITHIN_S: Final = 180.0


class MappingError(ValueError):
    """Why a queue's mapping cannot be switched, on one line."""


class MappingSwitch:
    """Switches the mappings of a queue. `states` says how they were. Raises MappingError."""

    def __init__(
        self,
        client: Any,
        queue_arn: str,
        *,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        within_s: float = _WITHIN_S,
    ) -> None:
        self._lambda = client
        self._now_s = now_s
        self._sleep = sleep
        self._within_s = within_s
        self.states = self._found(queue_arn)
        if not self.states:
            raise MappingError(
                f"no Lambda function has an event source mapping for {queue_arn}: nothing would drain it"
            )
        # None while it is being changed: it may be either.
        self._is_on: dict[str, bool | None] = dict(self.states)
        self._wanted: dict[str, bool] = {}
        self._is_over = False

    def _found(self, queue_arn: str) -> dict[str, bool]:
        """Whether each of the queue's mappings is enabled, by its UUID."""
        found: dict[str, bool] = {}
        marker: dict[str, str] = {}
        while True:
            page = self._ask("list_event_source_mappings", EventSourceArn=queue_arn, **marker)
            found |= {mapping["UUID"]: mapping["State"] in _ON for mapping in page["EventSourceMappings"]}
            if not page.get("NextMarker"):
                return found
            marker = {"Marker": page["NextMarker"]}

    def disable(self) -> None:
        """Disable all of them, and wait until they are."""
        atexit.register(self._restore_at_exit)
        for uuid in self.states:
            if self._is_over:
                return
            _log.info("the event source mapping %s is disabled until the queue is full", uuid)
            self._turn(uuid, on=False)
        for uuid in self.states:
            self._wait(uuid, _DISABLED)

    def enable(self) -> None:
        """Enable those that are not, so that the queue is drained."""
        self._is_over = True
        self._turn_all(dict.fromkeys(self.states, True))

    def restore(self) -> None:
        """Put all of them back to how they were."""
        self._is_over = True
        self._turn_all(self.states)
        atexit.unregister(self._restore_at_exit)

    def _restore_at_exit(self) -> None:
        try:
            self.restore()
        except MappingError as error:
            _log.error("%s", error)

    def _turn_all(self, wanted: Mapping[str, bool]) -> None:
        """Each of them, whatever becomes of the others."""
        problems = []
        for uuid, on in wanted.items():
            try:
                self._turn(uuid, on=on)
            except MappingError as error:
                problems.append(str(error))
        if problems:
            raise MappingError("; ".join(problems))

    def _turn(self, uuid: str, *, on: bool) -> None:
        self._wanted[uuid] = on
        if self._is_on[uuid] == on:
            return
        self._is_on[uuid] = None
        deadline_s = self._now_s() + self._within_s
        while not self._turned(uuid, on=on, last=self._now_s() >= deadline_s):
            self._sleep(_EVERY_S)
            if self._wanted[uuid] != on:
                return  # the run was stopped meanwhile, and it is put back
        self._is_on[uuid] = on

    def _turned(self, uuid: str, *, on: bool, last: bool) -> bool:
        try:
            self._lambda.update_event_source_mapping(UUID=uuid, Enabled=on)
        except ClientError as error:
            if not last and error.response["Error"]["Code"] in _BUSY:
                return False
            raise _explained(error, "lambda:UpdateEventSourceMapping", self._by_hand(uuid)) from error
        except BotoCoreError as error:
            raise MappingError(f"{error}{self._by_hand(uuid)}") from error
        return True

    def _by_hand(self, uuid: str) -> str:
        if self._is_on[uuid] == self.states[uuid]:
            return ""
        word = "--enabled" if self.states[uuid] else "--no-enabled"
        return f"; put it back: aws lambda update-event-source-mapping --uuid {uuid} {word}"

    def _wait(self, uuid: str, state: str) -> None:
        deadline_s = self._now_s() + self._within_s
        while (seen := self._ask("get_event_source_mapping", UUID=uuid)["State"]) != state:
            if self._is_over:
                return
            if self._now_s() >= deadline_s:
                raise MappingError(
                    f"the event source mapping {uuid} is {seen}, not {state}, after {self._within_s:.0f} s"
                )
            self._sleep(_EVERY_S)

    def _ask(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._lambda, operation)(**arguments)
        except ClientError as error:
            action = "".join(word.capitalize() for word in operation.split("_"))
            raise _explained(error, f"lambda:{action}") from error
        except BotoCoreError as error:
            raise MappingError(f"Lambda does not answer: {error}") from error


def _explained(error: ClientError, action: str, then: str = "") -> MappingError:
    code, message = error.response["Error"].get("Code", "unknown"), error.response["Error"].get("Message", "")
    if "AccessDenied" in code:
        return MappingError(f"drain needs the permission {action}: {message or code}{then}")
    return MappingError(f"{action} failed: {code}: {message}{then}")


def mapping_switch(options: Any) -> MappingSwitch:
    """The switch for the queue that the options name. Raises MappingError."""
    settings = SendSettings.from_options(options)
    try:
        queue = sqs_client(settings).get_queue_attributes(QueueUrl=settings.queue_url, AttributeNames=["QueueArn"])
        client = boto3.Session(profile_name=settings.profile).client(
            "lambda", endpoint_url=endpoint_of(settings), region_name=region_of(settings)
        )
    except ClientError as error:
        raise _explained(error, "sqs:GetQueueAttributes") from error
    except BotoCoreError as error:
        raise MappingError(f"the queue {settings.queue_url} cannot be looked at: {error}") from error
    return MappingSwitch(client, queue["Attributes"]["QueueArn"])
