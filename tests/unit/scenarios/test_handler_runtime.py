"""How a handler is run, as a value: its words, what it can do, what is started."""

import pytest

from redrive.scenarios import Consumer, TargetError
from redrive.scenarios.capabilities import Capability
from redrive.scenarios.handler_runtime import IN_PROCESS, HandlerRuntime, RuntimeKind

PROCESS = HandlerRuntime(kind=RuntimeKind.PROCESS)
CONSUMER = Consumer(handler="json:loads", valid=str)


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        (IN_PROCESS, []),
        (PROCESS, ["--runtime", "process"]),
        (HandlerRuntime(kind=RuntimeKind.PROCESS, command="./bootstrap -v"), ["--exec", "./bootstrap -v"]),
        (HandlerRuntime(kind=RuntimeKind.HTTP, url="http://127.0.0.1:9000"), ["--url", "http://127.0.0.1:9000"]),
    ],
)
def test_words_choose_it_again(runtime, words):
    assert runtime.words() == words


def test_in_process_can_do_everything_and_a_url_least():
    http = HandlerRuntime(kind=RuntimeKind.HTTP, url="http://127.0.0.1:9000")
    assert IN_PROCESS.capabilities == set(Capability)
    assert http.capabilities < PROCESS.capabilities < IN_PROCESS.capabilities
    assert Capability.VIRTUAL_TIME not in PROCESS.capabilities
    assert Capability.CALL_FAULTS not in http.capabilities


@pytest.mark.parametrize(("command", "said"), [("", "empty"), ("'open", "no command line")])
def test_command_that_is_none_is_a_line(command, said):
    runtime = HandlerRuntime(kind=RuntimeKind.PROCESS, command=command)
    with pytest.raises(TargetError, match=said):
        runtime.command_for(CONSUMER)


def test_python_handler_that_has_no_name_of_its_own_cannot_be_started():
    consumer = Consumer(handler=lambda event, context: None, valid=str)
    with pytest.raises(TargetError):
        PROCESS.command_for(consumer)
