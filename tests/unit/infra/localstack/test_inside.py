"""The modules that import LocalStack, with stand-ins for what they import: what no LocalStack shows reliably."""

import importlib
import logging
import sys
import threading
import types

import pytest

PLUGINS = "redrive.infra.localstack.plugins"


@pytest.fixture
def inside(monkeypatch):
    """Imports a module of the plugins afresh, with modules of LocalStack that have no more than the names given."""

    def load(name, modules):
        for module, names in modules.items():
            parts = module.split(".")
            for length in range(1, len(parts) + 1):
                path = ".".join(parts[:length])
                if path not in sys.modules:
                    monkeypatch.setitem(sys.modules, path, types.ModuleType(path))
            for attribute, value in names.items():
                setattr(sys.modules[module], attribute, value)
        monkeypatch.delitem(sys.modules, f"{PLUGINS}.{name}", raising=False)
        loaded = importlib.import_module(f"{PLUGINS}.{name}")
        monkeypatch.delitem(sys.modules, f"{PLUGINS}.{name}")
        return loaded

    return load


def test_moto_is_called_by_one_at_a_time(inside):
    at_work = threading.Semaphore(1)
    answers = []

    def call_moto(context):
        alone = at_work.acquire(blocking=False)
        # Long enough for another to come in, if it can.
        together.wait(0.01)
        answers.append((context, alone))
        at_work.release()
        return context

    together = threading.Event()
    service = types.SimpleNamespace(for_provider=lambda api, dispatch_table_factory: dispatch_table_factory(api))
    dynamodb = inside(
        "dynamodb",
        {
            "localstack.aws.api.dynamodb": {"DynamodbApi": object},
            "localstack.aws.forwarder": {"ForwardingFallbackDispatcher": lambda api, call: call},
            "localstack.services.moto": {"call_moto": call_moto},
            "localstack.services.plugins": {"Service": service},
        },
    )
    call = dynamodb.service()
    threads = [threading.Thread(target=call, args=(number, None)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [(number, True) for number in range(16)]


class Poller:
    """As far as it is patched."""

    def poll_events(self):
        return "theirs"

    def handle_messages(self, messages):
        return "theirs"

    def delete_messages(self, messages, message_ids_to_delete):
        return "theirs"


@pytest.mark.parametrize(("version", "patched"), [("4.13.1", True), ("4.14.0", False)])
def test_poller_of_another_version_stays_as_it_is(inside, caplog, version, patched):
    caplog.set_level(logging.INFO)
    poller = type("SqsPoller", (Poller,), dict(vars(Poller)))
    mapping = "localstack.services.lambda_.event_source_mapping"
    patches = inside(
        "poller_patches",
        {
            "localstack.constants": {"VERSION": version},
            f"{mapping}.event_processor": {"PartialBatchFailureError": Exception},
            f"{mapping}.pollers.sqs_poller": {"SqsPoller": poller},
            f"{mapping}.pollers": {"sqs_poller": types.SimpleNamespace(SqsPoller=poller)},
            f"{mapping}.pollers.poller": {"parse_batch_item_failures": None},
        },
    )
    patches.apply()
    patches.apply()
    changed = [
        name for name in vars(Poller) if not name.startswith("_") and vars(poller)[name] is not vars(Poller)[name]
    ]
    assert changed == (["poll_events", "handle_messages", "delete_messages"] if patched else [])
    said = "patches of its poller of queues: bodies" if patched else "is not known: its poller of queues stays as it is"
    assert [f"LocalStack {version}" in record.getMessage() for record in caplog.records] == [True]
    assert said in caplog.text
