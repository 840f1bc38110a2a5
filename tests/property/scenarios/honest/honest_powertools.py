"""Powertools for AWS Lambda: its batch processor, and its idempotency utility around each record."""

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from honest_orders import fulfil_once, honest, make_table

LEDGER = "honest-ledger"

processor = BatchProcessor(event_type=EventType.SQS)
ledger = DynamoDBPersistenceLayer(table_name=LEDGER, boto3_client=boto3.client("dynamodb"))
config = IdempotencyConfig(event_key_jmespath="order", expires_after_seconds=14 * 24 * 60 * 60)


def handler(event, context):
    config.register_lambda_context(context)
    return process_partial_response(event=event, record_handler=_fulfil, processor=processor, context=context)


def _fulfil(record):
    _fulfil_idempotently(order=record.json_body, body=record.body)


@idempotent_function(data_keyword_argument="order", config=config, persistence_store=ledger)
def _fulfil_idempotently(order, body):
    # Idempotent all the same: between this and what the utility writes down next, the process may die.
    fulfil_once(body)
    return {"fulfilled": order["order"]}


def make_tables(aws):
    make_table(aws)
    aws.client("dynamodb").create_table(
        TableName=LEDGER,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


consumer = honest(__file__, setup=make_tables)
