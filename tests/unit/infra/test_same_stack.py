"""Terraform and CloudFormation describe the same stack. Read as text here; compared as deployed in tests/moto/infra."""

import ast
import re
from pathlib import Path

import pytest

from redrive.infra.package_function import ARCHITECTURES, find_handler_folder

SAME_NAMES = {
    "name": "Name",
    "max_receive_count": "MaxReceiveCount",
    "message_retention_s": "MessageRetentionSeconds",
    "batch_size": "BatchSize",
    "batching_window_s": "BatchingWindowSeconds",
    "maximum_concurrency": "MaximumConcurrency",
    "function_timeout_s": "FunctionTimeoutSeconds",
    "function_memory_mb": "FunctionMemoryMegabytes",
    "architecture": "Architecture",
    "business_key_pointer": "BusinessKeyPointer",
    "payload_bucket": "PayloadBucket",
    "reply_queue": "ReplyQueue",
    "log_level": "LogLevel",
    "log_retention_days": "LogRetentionDays",
    "table_deletion_protection": "TableDeletionProtection",
    "oldest_message_age_alarm_s": "OldestMessageAgeAlarmSeconds",
}


class Module:
    """The module's text. `terraform fmt` gives it the form that the expressions here rely on."""

    def __init__(self, folder: Path) -> None:
        self.text = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf")))

    def block(self, header: str) -> str:
        """What stands in the top-level block with this header."""
        found = re.search(rf"^{re.escape(header)} {{\n(.*?)^}}", self.text, re.DOTALL | re.MULTILINE)
        assert found, header
        return found[1]

    def value(self, header: str, name: str) -> str:
        """The expression of one argument, at any depth of the block."""
        found = re.search(rf"^ +{name} += (.*)$", self.block(header), re.MULTILINE)
        assert found, f"{name} in {header}"
        return found[1].strip('"')


@pytest.fixture(scope="session")
def module(module_folder):
    return Module(module_folder)


@pytest.fixture(scope="session")
def resources(template):
    return {name: resource["Properties"] for name, resource in template["Resources"].items()}


@pytest.fixture(scope="session")
def statements(resources):
    """What the role allows, in all of its policies, by Sid."""
    return {
        statement["Sid"]: statement
        for policy in ("FunctionPolicy", "PayloadPolicy", "ReplyPolicy")
        for statement in resources[policy]["PolicyDocument"]["Statement"]
    }


def test_variables_and_parameters_have_the_same_names(module, template):
    # Each side has a few of its own: where the zip is, how FIFO is chosen, and a visibility timeout to be typed.
    variables = set(re.findall(r'^variable "(\w+)"', module.text, re.MULTILINE))

    assert variables - set(SAME_NAMES) == {"package_path", "fifo", "visibility_timeout_s", "alarm_actions"}
    assert set(template["Parameters"]) - set(SAME_NAMES.values()) == {
        "CodeBucket",
        "CodeKey",
        "QueueType",
        "AlarmActions",
    }


@pytest.mark.parametrize(("variable", "parameter"), sorted(SAME_NAMES.items()))
def test_variables_and_parameters_have_the_same_defaults(module, template, variable, parameter):
    default = re.search(r"^  default += (.*)$", module.block(f'variable "{variable}"'), re.MULTILINE)
    text = default[1].strip('"') if default else None

    given = template["Parameters"][parameter].get("Default")
    assert (None if given is None else str(given)) == ("" if text == "null" else text)


def test_every_variable_is_described(module):
    for name in re.findall(r'^variable "(\w+)"', module.text, re.MULTILINE):
        assert module.value(f'variable "{name}"', "description"), name


def test_every_reference_leads_somewhere(module):
    variables = set(re.findall(r'^variable "(\w+)"', module.text, re.MULTILINE))
    resources = {".".join(pair) for pair in re.findall(r'^resource "(\w+)" "(\w+)"', module.text, re.MULTILINE)}

    assert set(re.findall(r"\bvar\.(\w+)", module.text)) == variables
    assert set(re.findall(r"(?<!data\.)\b(aws_\w+\.\w+)\.", module.text)) <= resources


def test_the_function_gets_the_same_environment(module, resources):
    in_module = set(re.findall(r"^ +(REDRIVE_\w+) += ", module.text, re.MULTILINE))
    in_template = resources["ConsumerFunction"]["Environment"]["Variables"]

    assert in_module == set(in_template)
    function = 'resource "aws_lambda_function" "consumer"'
    for name in ("REDRIVE_SINK", "REDRIVE_LEDGER"):
        assert module.value(function, name) == in_template[name] == "dynamodb"
    assert module.value(function, "REDRIVE_TABLE") == "aws_dynamodb_table.ledger.name"
    assert in_template["REDRIVE_TABLE"] == {"Ref": "LedgerTable"}


def test_the_role_allows_the_same_actions(module, statements):
    policies = ("function", "payloads", "replies")
    document = "".join(module.block(f'data "aws_iam_policy_document" "{name}"') for name in policies)
    in_module = set(re.findall(r'"(\w+:\w+)"', document))

    assert in_module == {action for statement in statements.values() for action in statement["Action"]}
    assert in_module >= {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    assert not re.search(r'resources += \["\*"\]', document)
    assert "*" not in [statement["Resource"] for statement in statements.values()]


def test_the_role_allows_what_the_handler_calls_and_nothing_else(statements):
    called = {"Table": set(), "Payloads": set(), "Replies": set()}
    for path in find_handler_folder().rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="_client"), attr=method)):
                    called["Table"].add("dynamodb:" + method.title().replace("_", ""))
                case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Attribute(attr="_s3")), attr=method)):
                    called["Payloads"].add("s3:" + method.title().replace("_", ""))
                case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="_sqs"), attr=method)):
                    called["Replies"].add("sqs:" + method.title().replace("_", ""))

    assert {sid: set(statements[sid]["Action"]) for sid in called} == called


def test_payloads_are_read_from_the_one_bucket_and_only_if_there_is_one(module, template, resources, statements):
    assert template["Resources"]["PayloadPolicy"]["Condition"] == "HasPayloadBucket"
    assert resources["PayloadPolicy"]["Roles"] == resources["FunctionPolicy"]["Roles"]
    assert statements["Payloads"]["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:s3:::${PayloadBucket}/*"}
    assert template["Conditions"]["HasPayloadBucket"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "PayloadBucket"}, ""]}]}
    assert resources["ConsumerFunction"]["Environment"]["Variables"]["REDRIVE_PAYLOAD_BUCKETS"] == {
        "Fn::If": ["HasPayloadBucket", {"Ref": "PayloadBucket"}, {"Ref": "AWS::NoValue"}]
    }
    policy = 'resource "aws_iam_role_policy" "payloads"'
    assert module.value(policy, "count") == 'var.payload_bucket == "" ? 0 : 1'
    assert module.value(policy, "role") == module.value('resource "aws_iam_role_policy" "function"', "role")
    document = 'data "aws_iam_policy_document" "payloads"'
    assert module.value(policy, "policy") == "data.aws_iam_policy_document.payloads.json"
    assert module.value(document, "resources").endswith('.partition}:s3:::${var.payload_bucket}/*"]')
    assert module.value("locals", "REDRIVE_PAYLOAD_BUCKETS") == "var.payload_bucket"
    assert 'payload_environment = var.payload_bucket == "" ? {} : {' in module.block("locals")
    assert "local.payload_environment" in module.block('resource "aws_lambda_function" "consumer"')


def test_replies_go_to_the_one_queue_and_only_if_there_is_one(module, template, resources, statements):
    assert template["Resources"]["ReplyPolicy"]["Condition"] == "HasReplyQueue"
    assert resources["ReplyPolicy"]["Roles"] == resources["FunctionPolicy"]["Roles"]
    assert template["Conditions"]["HasReplyQueue"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ReplyQueue"}, ""]}]}
    assert statements["Replies"]["Resource"] == {
        "Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${ReplyQueue}"
    }
    assert resources["ConsumerFunction"]["Environment"]["Variables"]["REDRIVE_REPLY_QUEUE_URL"] == {
        "Fn::If": [
            "HasReplyQueue",
            {"Fn::Sub": "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/${ReplyQueue}"},
            {"Ref": "AWS::NoValue"},
        ]
    }
    policy = 'resource "aws_iam_role_policy" "replies"'
    assert module.value(policy, "count") == 'var.reply_queue == "" ? 0 : 1'
    assert module.value(policy, "role") == module.value('resource "aws_iam_role_policy" "function"', "role")
    document = 'data "aws_iam_policy_document" "replies"'
    assert module.value(policy, "policy") == "data.aws_iam_policy_document.replies.json"
    assert module.value(document, "resources") == "data.aws_sqs_queue.replies[*].arn"
    assert module.value('data "aws_sqs_queue" "replies"', "name") == "var.reply_queue"
    assert "local.reply_environment" in module.block('resource "aws_lambda_function" "consumer"')
    assert 'reply_environment = var.reply_queue == "" ? {} : {' in module.text


def test_the_trust_is_for_lambda_in_this_account(module, resources):
    document = module.block('data "aws_iam_policy_document" "trust"')
    (statement,) = resources["FunctionRole"]["AssumeRolePolicyDocument"]["Statement"]

    assert re.findall(r'identifiers = \["(.+)"\]', document) == [statement["Principal"]["Service"]]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert re.search(r'test += "StringEquals"\s+variable = "aws:SourceAccount"', document)


@pytest.mark.parametrize(
    ("alarm", "in_template"), [("dlq_depth", "DlqDepthAlarm"), ("oldest_message_age", "OldestMessageAgeAlarm")]
)
def test_alarms_have_the_same_settings(module, resources, alarm, in_template):
    header = f'resource "aws_cloudwatch_metric_alarm" "{alarm}"'

    for name, value in {
        "alarm_description": resources[in_template]["AlarmDescription"],
        "namespace": "AWS/SQS",
        "metric_name": resources[in_template]["MetricName"],
        "statistic": "Maximum",
        "comparison_operator": "GreaterThanThreshold",
        "period": str(resources[in_template]["Period"]),
        "evaluation_periods": str(resources[in_template]["EvaluationPeriods"]),
        "treat_missing_data": "notBreaching",
    }.items():
        assert module.value(header, name) == value, name
    assert resources[in_template]["Statistic"] == "Maximum"
    assert resources[in_template]["TreatMissingData"] == "notBreaching"
    assert resources[in_template]["ComparisonOperator"] == "GreaterThanThreshold"


def test_thresholds_are_the_same(module, resources):
    depth = module.value('resource "aws_cloudwatch_metric_alarm" "dlq_depth"', "threshold")
    age = module.value('resource "aws_cloudwatch_metric_alarm" "oldest_message_age"', "threshold")

    assert (depth, resources["DlqDepthAlarm"]["Threshold"]) == ("0", 0)
    assert age == "var.oldest_message_age_alarm_s"
    assert resources["OldestMessageAgeAlarm"]["Threshold"] == {"Ref": "OldestMessageAgeAlarmSeconds"}


def test_the_dlq_names_the_source_and_keeps_messages_for_14_days(module, resources):
    allow = module.block('resource "aws_sqs_queue_redrive_allow_policy" "dlq"')

    assert "queue_url = aws_sqs_queue.dlq.id" in allow
    assert "sourceQueueArns   = [aws_sqs_queue.source.arn]" in allow
    assert "RedriveAllowPolicy" not in resources["SourceQueue"]
    assert module.value("locals", "dlq_retention_s") == str(resources["DeadLetterQueue"]["MessageRetentionPeriod"])


# What moto's CloudFormation drops, and a deployment there cannot show


def test_the_table_forgets_by_the_same_attribute_and_can_be_restored(module, resources):
    table = resources["LedgerTable"]
    in_module = module.block('resource "aws_dynamodb_table" "ledger"')

    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert re.search(r'ttl {\s+attribute_name = "expires_at"\s+enabled += true', in_module)
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert re.search(r"point_in_time_recovery {\s+enabled = true", in_module)
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert re.search(r"server_side_encryption {\s+enabled = true", in_module)


def test_the_function_runs_on_the_same_machine_and_logs_to_the_group(module, template, resources):
    function = 'resource "aws_lambda_function" "consumer"'

    assert module.value(function, "architectures") == "[var.architecture]"
    assert resources["ConsumerFunction"]["Architectures"] == [{"Ref": "Architecture"}]
    assert tuple(template["Parameters"]["Architecture"]["AllowedValues"]) == ARCHITECTURES
    assert module.value(function, "log_group") == "aws_cloudwatch_log_group.function.name"
    assert module.value(function, "log_format") == resources["ConsumerFunction"]["LoggingConfig"]["LogFormat"]
    assert "dead_letter_config {" not in module.text
