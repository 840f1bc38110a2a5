"""The Terraform module with the real AWS provider: valid, planned, and applied to moto's server as the same stack.

No test downloads anything. The provider comes from a folder that REDRIVE_TERRAFORM_PLUGIN_DIR names, laid out as for
`terraform init -plugin-dir`: HOST/NAMESPACE/NAME/VERSION/PLATFORM/.
"""

import json
import os
import shutil
import subprocess
import urllib.request

import pytest
from moto.server import ThreadedMotoServer

TERRAFORM = shutil.which("terraform")
PLUGIN_DIR = os.environ.get("REDRIVE_TERRAFORM_PLUGIN_DIR")
REGION = "eu-west-1"
SERVICES = ("cloudwatch", "dynamodb", "iam", "lambda", "logs", "sqs", "sts")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(TERRAFORM is None, reason="terraform is not on PATH"),
    pytest.mark.skipif(
        PLUGIN_DIR is None, reason="REDRIVE_TERRAFORM_PLUGIN_DIR does not name the AWS provider's folder"
    ),
]


@pytest.fixture
def endpoint_url(aws):
    """The AWS of `aws`, for another process: moto's server in this one, which has the same resources."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def terraform(tmp_path, endpoint_url, infra_folder, package_path):
    """Runs terraform on a configuration that uses the module with the given variables, against moto."""
    root = tmp_path / "root"
    shutil.copytree(infra_folder / "terraform", root / "stack", ignore=shutil.ignore_patterns(".terraform*"))
    (tmp_path / "terraformrc").touch()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TF_CLI_CONFIG_FILE": str(tmp_path / "terraformrc"),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }

    def run(*arguments):
        done = subprocess.run(
            [TERRAFORM, f"-chdir={root}", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def configure(**variables):
        configuration = {
            "provider": {
                "aws": {
                    "region": REGION,
                    "access_key": "testing",
                    "secret_key": "testing",
                    "skip_credentials_validation": True,
                    "skip_metadata_api_check": True,
                    "endpoints": [dict.fromkeys(SERVICES, endpoint_url)],
                }
            },
            "module": {
                "stack": {"source": "./stack", "name": "orders", "package_path": str(package_path), **variables}
            },
        }
        (root / "main.tf.json").write_text(json.dumps(configuration))
        run("init", "-no-color", "-input=false", f"-plugin-dir={PLUGIN_DIR}")
        return run

    return configure


def planned(run, folder):
    """The planned resources by address, without the module's name."""
    run("plan", "-no-color", "-input=false", f"-out={folder / 'plan'}")
    shown = json.loads(run("show", "-json", str(folder / "plan")))
    (module,) = shown["planned_values"]["root_module"]["child_modules"]
    # A resource of which nothing is known before it exists has no values.
    return {
        resource["address"].removeprefix("module.stack."): resource.get("values", {})
        for resource in module["resources"]
    }


def test_the_module_is_valid(terraform):
    run = terraform()

    assert json.loads(run("validate", "-json"))["diagnostics"] == []


def test_a_fifo_stack_with_everything_chosen(terraform, tmp_path):
    run = terraform(
        fifo=True,
        visibility_timeout_s=600,
        maximum_concurrency=5,
        architecture="x86_64",
        business_key_pointer="/order",
        alarm_actions=["arn:aws:sns:eu-west-1:123456789012:operators"],
    )
    plan = planned(run, tmp_path)

    queue, dlq = plan["aws_sqs_queue.source"], plan["aws_sqs_queue.dlq"]
    assert (queue["name"], dlq["name"]) == ("orders.fifo", "orders-dlq.fifo")
    assert queue["fifo_queue"] is dlq["fifo_queue"] is True
    assert queue["visibility_timeout_seconds"] == 600
    mapping = plan["aws_lambda_event_source_mapping.source"]
    assert mapping["maximum_batching_window_in_seconds"] is None
    assert mapping["scaling_config"] == [{"maximum_concurrency": 5}]
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
    function = plan["aws_lambda_function.consumer"]
    assert function["architectures"] == ["x86_64"]
    assert function["environment"][0]["variables"]["REDRIVE_BUSINESS_KEY_POINTER"] == "/order"
    assert function["logging_config"][0]["log_group"] == "/aws/lambda/orders-consumer"
    assert function["dead_letter_config"] == []
    for alarm in ("dlq_depth", "oldest_message_age"):
        assert plan[f"aws_cloudwatch_metric_alarm.{alarm}"]["alarm_actions"] == [
            "arn:aws:sns:eu-west-1:123456789012:operators"
        ]


def test_both_descriptions_deploy_the_same_stack(terraform, endpoint_url, aws, describe, deploy):
    terraform(table_deletion_protection=False)("apply", "-no-color", "-input=false", "-auto-approve")
    with_terraform = describe(aws, "orders")
    table = aws("dynamodb").describe_time_to_live(TableName="orders-ledger")["TimeToLiveDescription"]
    backups = aws("dynamodb").describe_continuous_backups(TableName="orders-ledger")["ContinuousBackupsDescription"]
    urllib.request.urlopen(urllib.request.Request(f"{endpoint_url}/moto-api/reset", method="POST")).close()
    deploy()

    assert comparable(with_terraform) == comparable(describe(aws, "orders"))
    # moto's CloudFormation drops these; tests/unit/infra compares them as text.
    assert table == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert with_terraform["table"]["SSEDescription"]["Status"] == "ENABLED"
    assert with_terraform["function"]["Architectures"] == ["arm64"]


def comparable(stack):
    """What must not depend on how the stack was deployed: all but times, generated names, and what moto drops."""
    chosen = {
        "queue": ("QueueArn", "VisibilityTimeout", "MessageRetentionPeriod", "SqsManagedSseEnabled", "RedrivePolicy"),
        "dlq": ("QueueArn", "MessageRetentionPeriod", "SqsManagedSseEnabled", "RedriveAllowPolicy"),
        "function": ("FunctionArn", "Runtime", "Handler", "Timeout", "MemorySize", "Environment", "CodeSha256"),
        "mapping": ("EventSourceArn", "FunctionArn", "BatchSize", "FunctionResponseTypes", "State"),
        "table": ("TableName", "KeySchema", "AttributeDefinitions", "BillingModeSummary", "DeletionProtectionEnabled"),
        "log_group": ("logGroupName", "retentionInDays"),
    }
    facts = {part: {name: stack[part][name] for name in names} for part, names in chosen.items()}
    facts["trust"] = {**stack["role"]["trust"][0], "Sid": None}
    facts["role"] = {
        sid: (statement["Effect"], sorted(statement["Action"]), statement["Resource"])
        for sid, statement in stack["role"]["statements"].items()
    }
    facts["alarms"] = {
        name: {key: value for key, value in alarm.items() if "Timestamp" not in key}
        for name, alarm in stack["alarms"].items()
    }
    return facts
