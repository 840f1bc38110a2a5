"""The CloudFormation template: clean, and its parameters cannot be combined into a stack that loses messages."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.once


@pytest.fixture(scope="session")
def resources(template):
    return {name: resource["Properties"] for name, resource in template["Resources"].items()}


@pytest.fixture(scope="session")
def parameters(template):
    return template["Parameters"]


def test_cfn_lint_finds_nothing(template_path):
    done = subprocess.run(
        [sys.executable, "-c", "from cfnlint.runner import main; main()", str(template_path), "--include-checks", "I"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_visibility_timeout_is_six_timeouts_and_the_window_whatever_is_chosen(template, parameters, resources):
    assert resources["SourceQueue"]["VisibilityTimeout"] == {
        "Fn::FindInMap": [
            "VisibilityTimeout",
            {"Ref": "FunctionTimeoutSeconds"},
            {"Ref": "BatchingWindowSeconds"},
        ]
    }
    assert template["Mappings"]["VisibilityTimeout"] == {
        timeout_s: {window_s: 6 * int(timeout_s) + int(window_s) for window_s in windows_s}
        for windows_s in [parameters["BatchingWindowSeconds"]["AllowedValues"]]
        for timeout_s in parameters["FunctionTimeoutSeconds"]["AllowedValues"]
    }


def test_no_message_expires_before_its_deliveries_are_used_up(template, parameters):
    longest_s = max(timeout for row in template["Mappings"]["VisibilityTimeout"].values() for timeout in row.values())
    shortest_retention_s = min(parameters["MessageRetentionSeconds"]["AllowedValues"])

    assert parameters["MaxReceiveCount"]["MaxValue"] * longest_s < shortest_retention_s


def test_a_message_keeps_a_week_in_the_dlq(parameters, resources):
    longest_retention_s = max(parameters["MessageRetentionSeconds"]["AllowedValues"])

    assert resources["DeadLetterQueue"]["MessageRetentionPeriod"] == 14 * 86_400
    assert resources["DeadLetterQueue"]["MessageRetentionPeriod"] - longest_retention_s >= 7 * 86_400


def test_the_age_alarm_goes_off_before_the_message_is_gone(parameters):
    shortest_retention_s = min(parameters["MessageRetentionSeconds"]["AllowedValues"])

    assert parameters["OldestMessageAgeAlarmSeconds"]["MaxValue"] < shortest_retention_s


def test_large_batches_are_refused_where_lambda_refuses_them(template, parameters):
    small = [str(size) for size in parameters["BatchSize"]["AllowedValues"] if size <= 10]
    is_small = {"Fn::Contains": [small, {"Ref": "BatchSize"}]}
    has_no_window = {"Fn::Equals": [{"Ref": "BatchingWindowSeconds"}, "0"]}
    fifo, large = (template["Rules"][name] for name in ("FifoHasNoBatchingWindow", "LargeBatchNeedsBatchingWindow"))

    assert fifo["RuleCondition"] == {"Fn::Equals": [{"Ref": "QueueType"}, "fifo"]}
    assert [rule["Assert"] for rule in fifo["Assertions"]] == [has_no_window, is_small]
    assert large["RuleCondition"] == has_no_window
    assert [rule["Assert"] for rule in large["Assertions"]] == [is_small]


@pytest.mark.parametrize("queue", ["SourceQueue", "DeadLetterQueue"])
def test_both_queues_are_of_one_type_and_encrypted(resources, queue):
    assert resources[queue]["FifoQueue"] == {"Fn::If": ["IsFifo", True, {"Ref": "AWS::NoValue"}]}
    assert resources[queue]["SqsManagedSseEnabled"] is True


def test_the_function_has_no_dead_letter_queue_of_its_own(resources):
    assert "DeadLetterConfig" not in resources["ConsumerFunction"]


def test_the_log_group_exists_before_the_function(resources):
    assert resources["ConsumerFunction"]["LoggingConfig"]["LogGroup"] == {"Ref": "FunctionLogGroup"}


def test_the_mapping_waits_for_the_roles_policy(template):
    assert template["Resources"]["SourceMapping"]["DependsOn"] == "FunctionPolicy"
