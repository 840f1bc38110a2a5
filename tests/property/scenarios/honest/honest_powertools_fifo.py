"""Powertools on a FIFO queue: after a failure it skips the rest of the message group, and that only."""

import boto3
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from honest_orders import EVERYTHING, fulfil_once, honest
from honest_powertools import LEDGER, make_tables

from redrive.scenarios import Claim, QueueSpec

processor = SqsFifoPartialProcessor(skip_group_on_error=True)
ledger = DynamoDBPersistenceLayer(table_name=LEDGER, boto3_client=boto3.client("dynamodb"))
config = IdempotencyConfig(event_key_jmespath="powertools_json(body).order")


def handler(event, context):
    config.register_lambda_context(context)
    return process_partial_response(event=event, record_handler=_fulfil, processor=processor, context=context)


def _fulfil(record):
    _fulfil_idempotently(record=record.raw_event)


@idempotent_function(data_keyword_argument="record", config=config, persistence_store=ledger)
def _fulfil_idempotently(record):
    fulfil_once(record["body"])


consumer = honest(__file__, queue=QueueSpec(fifo=True), claims=EVERYTHING | {Claim.ORDERED}, setup=make_tables)
