"""The Terraform module, as far as Terraform judges it without a provider: format, and the rules for the variables."""

import json
import os
import shutil
import subprocess

import pytest

TERRAFORM = shutil.which("terraform")

pytestmark = [pytest.mark.once, pytest.mark.skipif(TERRAFORM is None, reason="terraform is not on PATH")]


@pytest.fixture(scope="session")
def terraform(tmp_path_factory):
    """Runs terraform, without this machine's own settings and without a question to HashiCorp for updates."""
    home = tmp_path_factory.mktemp("home")
    (home / "terraformrc").touch()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TF_CLI_CONFIG_FILE": str(home / "terraformrc"),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }

    def run(folder, *arguments):
        return subprocess.run(
            [TERRAFORM, f"-chdir={folder}", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=60,
        )

    return run


@pytest.fixture(scope="session")
def variables_folder(module_folder, tmp_path_factory):
    """The module's variables and locals alone: Terraform can judge them without the AWS provider."""
    folder = tmp_path_factory.mktemp("variables")
    for name in ("variables.tf", "locals.tf"):
        shutil.copy(module_folder / name, folder)
    (folder / "outputs.tf").write_text(
        'output "visibility_timeout_s" {\n  value = local.visibility_timeout_s\n}\n'
        'output "queue_suffix" {\n  value = local.queue_suffix\n}\n'
        'output "environment" {\n  value = merge(local.business_key_environment, local.payload_environment)\n}\n'
    )
    return folder


@pytest.fixture
def plan(terraform, variables_folder, tmp_path):
    """Plans with the given variables; returns the outputs, or one string with Terraform's complaints."""

    def plan(**variables):
        given = tmp_path / "given.tfvars.json"
        given.write_text(json.dumps({"name": "orders", "package_path": "function.zip", **variables}))
        planned = tmp_path / "plan"
        done = terraform(variables_folder, "plan", "-no-color", "-input=false", f"-var-file={given}", f"-out={planned}")
        if done.returncode != 0:
            return " ".join(done.stderr.replace("│", " ").split())
        shown = json.loads(terraform(variables_folder, "show", "-json", str(planned)).stdout)
        return {name: output["value"] for name, output in shown["planned_values"]["outputs"].items()}

    return plan


def test_the_module_is_formatted(terraform, module_folder):
    done = terraform(module_folder, "fmt", "-check", "-recursive", "-diff")

    assert (done.returncode, done.stdout) == (0, "")


def test_the_defaults_leave_room_for_six_timeouts(plan):
    assert plan() == {"visibility_timeout_s": 180, "queue_suffix": "", "environment": {}}


def test_the_visibility_timeout_grows_with_timeout_and_window(plan):
    assert plan(function_timeout_s=900, batching_window_s=300)["visibility_timeout_s"] == 6 * 900 + 300


def test_a_business_key_pointer_reaches_the_environment(plan):
    assert plan(business_key_pointer="/order/id")["environment"] == {"REDRIVE_BUSINESS_KEY_POINTER": "/order/id"}


def test_a_payload_bucket_reaches_the_environment(plan):
    assert plan(payload_bucket="large-orders")["environment"] == {"REDRIVE_PAYLOAD_BUCKETS": "large-orders"}


@pytest.mark.parametrize(
    "variables",
    [
        {"fifo": True, "batch_size": 10},
        {"visibility_timeout_s": 180},
        {"visibility_timeout_s": 43_200},
        {"batch_size": 10_000, "batching_window_s": 1},
        {"maximum_concurrency": 2},
        {"maximum_concurrency": 1000},
        {"max_receive_count": 1000, "function_timeout_s": 100, "message_retention_s": 604_800},
        {"message_retention_s": 604_800, "oldest_message_age_alarm_s": 604_799},
        {"business_key_pointer": "/a~1b/~0"},
        {"alarm_actions": ["arn:aws:sns:eu-west-1:123456789012:operators"]},
    ],
)
def test_variables_at_their_limits_are_accepted(plan, variables):
    assert isinstance(plan(**variables), dict)


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"name": "2orders"}, "name must be 1 to 40 letters"),
        ({"name": "o" * 41}, "name must be 1 to 40 letters"),
        ({"package_path": "function.tar"}, "package_path must name a .zip file"),
        ({"visibility_timeout_s": 179}, "visibility_timeout_s must be at least 6 * function_timeout_s"),
        ({"visibility_timeout_s": 180, "batching_window_s": 1}, "at least 6 * function_timeout_s + batching_window_s"),
        ({"visibility_timeout_s": 43_201}, "at most 43200"),
        ({"max_receive_count": 0}, "max_receive_count must be a whole number from 1 to 1000"),
        ({"max_receive_count": 2.5}, "max_receive_count must be a whole number"),
        ({"message_retention_s": 1_209_600}, "so that a message still has a week in the DLQ"),
        ({"message_retention_s": 3600, "max_receive_count": 20}, "a poison message expires before it reaches the DLQ"),
        ({"visibility_timeout_s": 43_200, "max_receive_count": 8}, "a poison message expires before it reaches"),
        ({"fifo": True, "batch_size": 11}, "at most 10 for a FIFO queue"),
        ({"batch_size": 11}, "batch_size above 10 needs a batching_window_s of at least 1"),
        ({"batch_size": 10_001, "batching_window_s": 1}, "batch_size must be a whole number from 1 to 10000"),
        ({"fifo": True, "batching_window_s": 1}, "batching_window_s must be 0 for a FIFO queue"),
        ({"batching_window_s": 301}, "batching_window_s must be a whole number from 0 to 300"),
        ({"maximum_concurrency": 1}, "maximum_concurrency must be a whole number from 2 to 1000"),
        ({"maximum_concurrency": 1001}, "maximum_concurrency must be a whole number from 2 to 1000"),
        ({"function_timeout_s": 901}, "function_timeout_s must be a whole number from 1 to 900"),
        ({"function_memory_mb": 64}, "function_memory_mb must be a whole number from 128"),
        ({"architecture": "sparc"}, "architecture must be arm64 or x86_64"),
        ({"business_key_pointer": "order/id"}, "a JSON pointer that begins with a slash"),
        ({"business_key_pointer": "/order~2"}, "a JSON pointer that begins with a slash"),
        ({"reply_queue": "https://sqs"}, "reply_queue must be empty or the name of a standard queue"),
        ({"payload_bucket": "s3://orders"}, "payload_bucket must be empty or the name of a bucket"),
        ({"log_level": "LOUD"}, "log_level must be DEBUG, INFO, WARNING or ERROR"),
        ({"log_retention_days": 31}, "log_retention_days must be 1, 3, 5"),
        ({"oldest_message_age_alarm_s": 345_600}, "less than message_retention_s"),
        ({"alarm_actions": ["operators"]}, "alarm_actions must be ARNs"),
    ],
)
def test_variables_beyond_their_limits_are_refused(plan, variables, complaint):
    assert complaint in plan(**variables)
