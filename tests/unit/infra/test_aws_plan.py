"""The stack of a run on AWS, planned: what it is made of, and that the template says the same."""

import pytest

from redrive.infra.aws_plan import plan_stack
from redrive.infra.deployment import TEMPLATE

REGION, ACCOUNT = "eu-west-1", "123456789012"


def plan(*, fifo=False, **more):
    return plan_stack(
        "r1",
        account=ACCOUNT,
        region=REGION,
        fifo=fifo,
        batch_size=10,
        max_receive_count=3,
        function_timeout_s=5,
        visibility_timeout_s=15,
        **more,
    )


def test_everything_bears_the_runs_name():
    resources = plan().resources
    assert {resource.type for resource in resources} >= {
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::DynamoDB::Table",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
    }
    assert all("redrive-r1" in resource.name for resource in resources if resource.type != "AWS::IAM::Policy")
    assert plan(fifo=True).queue_name == "redrive-r1-fifo.fifo"
    assert plan(fifo=True).dlq_name == "redrive-r1-fifo-dlq.fifo"


def test_the_plan_names_what_the_template_makes():
    template = TEMPLATE.read_text(encoding="utf-8")
    planned = [resource.type for resource in plan().resources]
    made = [line.split("Type: ")[1] for line in template.splitlines() if line.startswith("    Type: AWS::")]
    # That for payloads is made only with a bucket for them.
    made.remove("AWS::IAM::Policy")
    assert sorted(planned) == sorted([*made, "AWS::S3::Bucket", "AWS::CloudFormation::Stack"])


def test_every_parameter_is_the_templates():
    template = TEMPLATE.read_text(encoding="utf-8")
    for name in (*plan().parameters, "Name", "CodeBucket", "CodeKey"):
        assert f"\n  {name}:\n" in template


def test_names_fit_into_the_services_limits():
    longest = plan_stack(
        "a" * 20,
        account=ACCOUNT,
        region="ap-southeast-1",
        fifo=True,
        batch_size=10,
        max_receive_count=3,
        function_timeout_s=5,
        visibility_timeout_s=15,
    )
    assert len(longest.name) <= 40  # the template's
    assert len(longest.bucket) <= 63
    assert len(longest.function) <= 64
    assert len(longest.dlq_name) <= 80


@pytest.mark.parametrize("run_id", ["", "A1", "a-b", "a" * 21, "ü"])
def test_a_run_id_is_letters_and_digits(run_id):
    with pytest.raises(ValueError, match="not a run id"):
        plan_stack(
            run_id,
            account=ACCOUNT,
            region=REGION,
            fifo=False,
            batch_size=10,
            max_receive_count=3,
            function_timeout_s=5,
            visibility_timeout_s=15,
        )


def test_the_role_has_nothing_beyond_its_queue_its_table_and_its_log():
    template = TEMPLATE.read_text(encoding="utf-8")
    policy = template[template.index("  FunctionPolicy:") : template.index("  PayloadPolicy:")]
    assert 'Resource: "*"' not in policy
    resources = {line.strip() for line in policy.splitlines() if "Resource:" in line}
    logs = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${FunctionLogGroup}:*"
    assert resources == {
        "Resource: !GetAtt LedgerTable.Arn",
        "Resource: !GetAtt SourceQueue.Arn",
        f'Resource: !Sub "{logs}"',
    }
