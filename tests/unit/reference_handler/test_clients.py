"""The AWS clients."""

from botocore.errorfactory import ClientExceptionsFactory

from redrive.reference_handler.clients import dynamodb_client


def test_exception_classes_are_made_before_threads_ask_for_them(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = dynamodb_client(max_workers=2)

    def made_again(*_):
        raise AssertionError("two threads that ask at once would get two sets of classes")

    monkeypatch.setattr(ClientExceptionsFactory, "create_client_exceptions", made_again)
    assert issubclass(client.exceptions.ConditionalCheckFailedException, client.exceptions.ClientError)
