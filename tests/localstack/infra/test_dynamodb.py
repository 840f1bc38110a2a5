"""DynamoDB by moto inside LocalStack."""

from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from redrive.fixtures.localstack import LocalStackAws
from redrive.fixtures.stacks import create_stack


def test_of_racing_conditional_writes_one_wins(localstack_aws, localstack_server, account):
    stack = create_stack(localstack_aws, "race")
    clients = [LocalStackAws(localstack_server.endpoint_url, account=account).client("dynamodb") for _ in range(8)]

    def put(number):
        item = {"business_key": {"S": "one"}, "winner": {"N": str(number)}}
        condition = "attribute_not_exists(business_key)"
        try:
            clients[number % 8].put_item(TableName=stack.table_name, Item=item, ConditionExpression=condition)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return number

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(put, range(64)))
    winners = [answer for answer in answers if isinstance(answer, int)]
    assert len(winners) == 1
    assert answers.count("ConditionalCheckFailedException") == 63
    [item] = localstack_aws.client("dynamodb").scan(TableName=stack.table_name, ConsistentRead=True)["Items"]
    assert item["winner"]["N"] == str(winners[0])


def test_accounts_are_worlds_apart(localstack_aws, localstack_server):
    stack = create_stack(localstack_aws, "apart", bucket=True)
    stack.client("sqs").send_message(QueueUrl=stack.queue_url, MessageBody="mine")
    other = LocalStackAws(localstack_server.endpoint_url, account="999999999999")
    assert other.client("sqs").list_queues().get("QueueUrls", []) == []
    assert other.client("dynamodb").list_tables()["TableNames"] == []
    assert other.client("s3").list_buckets()["Buckets"] == []
    twin = create_stack(other, "apart")
    received = other.client("sqs").receive_message(QueueUrl=twin.queue_url).get("Messages", [])
    assert (received, twin.queue_arn == stack.queue_arn) == ([], False)


def test_bytes_count_as_many_as_they_are(localstack_aws):
    stack = create_stack(localstack_aws, "large")
    dynamodb = stack.client("dynamodb")
    for name, size in (("text", 190_000), ("bytes", 190_000)):
        value = {"S": "x" * size} if name == "text" else {"B": b"x" * size}
        dynamodb.update_item(
            TableName=stack.table_name,
            Key={"business_key": {"S": "one"}},
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": value},
        )
    [item] = dynamodb.scan(TableName=stack.table_name)["Items"]
    assert (len(item["text"]["S"]), len(item["bytes"]["B"])) == (190_000, 190_000)
