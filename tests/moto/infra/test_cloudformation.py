"""The template, deployed on moto's CloudFormation: what the resources say, not what the stack says."""

import pytest

from redrive.fixtures.event_builder import build_event, standard_record
from redrive.reference_handler import app
from redrive.reference_handler.config import LedgerName, Settings, SinkName

ACCOUNT = "123456789012"
REGION = "eu-west-1"


@pytest.fixture(params=["standard", "fifo"])
def queue_type(request):
    return request.param


@pytest.fixture
def suffix(queue_type):
    return ".fifo" if queue_type == "fifo" else ""


@pytest.fixture
def stack(deploy, describe, aws, queue_type, suffix):
    """The stack with its defaults, as the services describe it."""
    deploy(QueueType=queue_type)
    return describe(aws, "orders", suffix=suffix)


def arn(service, resource):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def test_the_queue_sends_to_the_dlq_after_the_given_number_of_deliveries(deploy, describe, aws, queue_type, suffix):
    deploy(QueueType=queue_type, MaxReceiveCount="7")
    stack = describe(aws, "orders", suffix=suffix)

    assert stack["queue"]["RedrivePolicy"] == {
        "deadLetterTargetArn": arn("sqs", f"orders-dlq{suffix}"),
        "maxReceiveCount": 7,
    }
    assert "RedrivePolicy" not in stack["dlq"]


def test_the_dlq_lets_the_queue_and_no_other_use_it(stack, suffix):
    assert stack["dlq"]["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [arn("sqs", f"orders{suffix}")],
    }
    assert stack["queue"].get("RedriveAllowPolicy") is None


def test_both_queues_are_of_the_type_that_was_asked_for(stack, queue_type):
    for queue in ("queue", "dlq"):
        assert stack[queue].get("FifoQueue", "false") == ("true" if queue_type == "fifo" else "false")


def test_the_dlq_keeps_messages_for_14_days(stack):
    assert stack["dlq"]["MessageRetentionPeriod"] == "1209600"
    assert stack["queue"]["MessageRetentionPeriod"] == "345600"


@pytest.mark.parametrize(("timeout_s", "window_s", "visibility_s"), [("10", "5", 65), ("900", "300", 5700)])
def test_the_visibility_timeout_fits_timeout_and_window(deploy, describe, aws, timeout_s, window_s, visibility_s):
    deploy(FunctionTimeoutSeconds=timeout_s, BatchingWindowSeconds=window_s)
    stack = describe(aws, "orders")

    assert int(stack["queue"]["VisibilityTimeout"]) == visibility_s
    assert visibility_s == 6 * stack["function"]["Timeout"] + stack["mapping"]["MaximumBatchingWindowInSeconds"]


def test_the_mapping_reads_partial_batch_responses_of_the_queue(stack, queue_type, suffix):
    mapping = stack["mapping"]

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["EventSourceArn"] == arn("sqs", f"orders{suffix}")
    assert mapping["FunctionArn"] == stack["function"]["FunctionArn"]
    assert mapping["BatchSize"] == 10
    assert mapping.get("MaximumBatchingWindowInSeconds") == (None if queue_type == "fifo" else 0)
    assert "ScalingConfig" not in mapping


def test_concurrency_is_limited_if_asked_for(deploy, describe, aws):
    deploy(MaximumConcurrency="5", BatchSize="100", BatchingWindowSeconds="1")
    mapping = describe(aws, "orders")["mapping"]

    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (100, 1)


def test_the_role_names_each_resource(stack, suffix):
    allowed = {statement["Resource"]: set(statement["Action"]) for statement in stack["role"]["statements"].values()}

    assert allowed == {
        arn("sqs", f"orders{suffix}"): {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
        arn("dynamodb", "table/orders-ledger"): {"dynamodb:UpdateItem", "dynamodb:DeleteItem"},
        arn("logs", "log-group:/aws/lambda/orders-consumer:*"): {"logs:CreateLogStream", "logs:PutLogEvents"},
    }
    assert {statement["Effect"] for statement in stack["role"]["statements"].values()} == {"Allow"}


def test_the_role_may_read_the_payload_bucket_and_the_function_is_told_of_it(deploy, describe, aws):
    deploy(PayloadBucket="large-orders")
    stack = describe(aws, "orders")

    assert stack["role"]["statements"]["Payloads"] == {
        "Sid": "Payloads",
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": "arn:aws:s3:::large-orders/*",
    }
    settings = Settings.from_environment(stack["function"]["Environment"]["Variables"])
    assert settings.payload_buckets == {"large-orders"}


def test_the_role_may_send_to_the_reply_queue_and_the_function_is_told_of_it(deploy, describe, aws):
    deploy(ReplyQueue="replies")
    stack = describe(aws, "orders")

    assert stack["role"]["statements"]["Replies"] == {
        "Sid": "Replies",
        "Effect": "Allow",
        "Action": ["sqs:SendMessage"],
        "Resource": arn("sqs", "replies"),
    }
    settings = Settings.from_environment(stack["function"]["Environment"]["Variables"])
    assert settings.reply_queue_url == f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/replies"


def test_only_lambda_in_this_account_can_take_the_role(stack):
    assert stack["role"]["trust"] == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
    ]


def test_the_function_is_the_zip_with_the_reference_handler(stack, aws, package_path):
    function = stack["function"]

    assert (function["Runtime"], function["Handler"]) == ("python3.13", "reference_handler.app.lambda_handler")
    assert (function["Timeout"], function["MemorySize"]) == (30, 256)
    assert function["CodeSize"] == package_path.stat().st_size
    assert "DeadLetterConfig" not in function


def test_the_environment_is_what_the_handler_reads(stack):
    settings = Settings.from_environment(stack["function"]["Environment"]["Variables"])

    assert settings == Settings(sink=SinkName.DYNAMODB, ledger=LedgerName.DYNAMODB, table="orders-ledger")


def test_a_pointer_that_is_not_set_is_not_in_the_environment(stack):
    assert "REDRIVE_BUSINESS_KEY_POINTER" not in stack["function"]["Environment"]["Variables"]


def test_the_table_is_keyed_by_the_business_key(stack):
    table = stack["table"]

    assert table["KeySchema"] == [{"AttributeName": "business_key", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "business_key", "AttributeType": "S"}]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_the_table_is_protected_unless_told_otherwise(deploy, describe, aws):
    deploy(TableDeletionProtection="true")

    assert describe(aws, "orders")["table"]["DeletionProtectionEnabled"] is True


def test_logs_are_kept_for_a_time_and_not_for_ever(stack):
    assert stack["log_group"]["logGroupName"] == "/aws/lambda/orders-consumer"
    assert stack["log_group"]["retentionInDays"] == 30


def test_one_message_in_the_dlq_raises_the_alarm(stack, suffix):
    alarm = stack["alarms"]["orders-dlq-depth"]

    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": f"orders-dlq{suffix}"}]
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        "Maximum",
        "GreaterThanThreshold",
        0,
    )
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60, 1)
    assert alarm["TreatMissingData"] == "notBreaching"


def test_old_messages_raise_the_other_alarm(deploy, describe, aws):
    topics = [arn("sns", "operators"), arn("sns", "managers")]
    deploy(OldestMessageAgeAlarmSeconds="900", AlarmActions=",".join(topics))
    alarm = describe(aws, "orders")["alarms"]["orders-oldest-message-age"]

    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateAgeOfOldestMessage")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "orders"}]
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        "Maximum",
        "GreaterThanThreshold",
        900,
    )
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["AlarmActions"] == topics


def test_nobody_is_told_unless_somebody_is_named(stack):
    assert [alarm["AlarmActions"] for alarm in stack["alarms"].values()] == [[], []]


def test_the_outputs_lead_to_the_resources(deploy, aws):
    outputs = deploy()

    assert aws("sqs").get_queue_url(QueueName="orders")["QueueUrl"] == outputs["QueueUrl"]
    assert aws("sqs").get_queue_url(QueueName="orders-dlq")["QueueUrl"] == outputs["DlqUrl"]
    assert (outputs["QueueArn"], outputs["DlqArn"]) == (arn("sqs", "orders"), arn("sqs", "orders-dlq"))
    assert outputs["FunctionName"] == "orders-consumer"
    assert outputs["TableName"] == "orders-ledger"
    assert outputs["LogGroupName"] == "/aws/lambda/orders-consumer"


def test_deleting_the_stack_leaves_nothing(stack, aws):
    aws("cloudformation").delete_stack(StackName="orders")

    assert aws("sqs").list_queues().get("QueueUrls", []) == []
    assert aws("lambda").list_functions()["Functions"] == []
    assert aws("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    assert aws("dynamodb").list_tables()["TableNames"] == []
    assert aws("iam").list_roles()["Roles"] == []
    assert aws("logs").describe_log_groups()["logGroups"] == []
    assert aws("cloudwatch").describe_alarms()["MetricAlarms"] == []


# The handler on the stack


@pytest.fixture
def dynamodb_calls(monkeypatch):
    """Every call to DynamoDB that the handler makes: the IAM action and the table's name."""
    calls = set()
    make_client = app.dynamodb_client

    def dynamodb_client(**options):
        client = make_client(**options)
        client.meta.events.register(
            "before-parameter-build.dynamodb.*",
            lambda params, model, **_: calls.add((f"dynamodb:{model.name}", params["TableName"])),
        )
        return client

    monkeypatch.setattr(app, "dynamodb_client", dynamodb_client)
    return calls


@pytest.fixture
def invoke(monkeypatch, lambda_context):
    """Invokes the reference handler with the environment of the deployed function."""

    def invoke(function, event):
        for name, value in function["Environment"]["Variables"].items():
            monkeypatch.setenv(name, value)
        app._warm_start.cache_clear()
        return app.lambda_handler(event, lambda_context(timeout_s=function["Timeout"]))

    yield invoke
    app._warm_start.cache_clear()


def test_the_handler_works_on_the_stack_with_the_roles_permissions(deploy, describe, aws, dynamodb_calls, invoke):
    deploy(BusinessKeyPointer="/order")
    stack = describe(aws, "orders")
    good = standard_record('{"order": "a"}', number=1)
    # Too large for an item of the table: claimed, and then released.
    large = standard_record('{"order": "b", "padding": "' + "x" * 410_000 + '"}', number=2)

    response = invoke(stack["function"], build_event([good, large]))

    assert response == {"batchItemFailures": [{"itemIdentifier": large["messageId"]}]}
    assert [item["business_key"] for item in aws("dynamodb").scan(TableName="orders-ledger")["Items"]] == [{"S": "a"}]
    allowed = {(action, "orders-ledger") for action in stack["role"]["statements"]["Table"]["Action"]}
    assert dynamodb_calls == allowed
