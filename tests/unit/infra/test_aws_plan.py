"""The stack of a run on AWS, planned: what it is made of, and that the template says the same."""

import pytest

from redrive.infra.deployment import TEMPLATE

from ..stubbed_aws import plan


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


def test_the_plan_names_what_the_template_makes(template):
    planned = [resource.type for resource in plan().resources]
    # Those with a condition are made only with a bucket for payloads, or a queue for replies.
    made = [resource["Type"] for resource in template["Resources"].values() if "Condition" not in resource]
    assert sorted(planned) == sorted([*made, "AWS::S3::Bucket", "AWS::CloudFormation::Stack"])


def test_every_parameter_is_the_templates():
    template = TEMPLATE.read_text(encoding="utf-8")
    for name in (*plan().parameters, "Name", "CodeBucket", "CodeKey"):
        assert f"\n  {name}:\n" in template


def test_names_fit_into_the_services_limits():
    longest = plan("a" * 20, region="ap-southeast-1", fifo=True)
    assert len(longest.name) <= 40  # the template's
    assert len(longest.bucket) <= 63
    assert len(longest.function) <= 64
    assert len(longest.dlq_name) <= 80


@pytest.mark.parametrize("run_id", ["", "A1", "a-b", "a" * 21, "ü"])
def test_a_run_id_is_letters_and_digits(run_id):
    with pytest.raises(ValueError, match="not a run id"):
        plan(run_id)


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
