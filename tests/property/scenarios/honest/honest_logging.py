"""Logs a great deal: through handlers put in at import, through the root logger, and with print, to both streams."""

import logging
import sys

from honest_orders import failed, fulfil_once, honest

log = logging.getLogger("honest")
log.setLevel(logging.DEBUG)
log.propagate = False
to_stream = logging.StreamHandler(sys.stdout)
to_stream.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
log.handlers[:] = [to_stream]


def handler(event, context):
    log.info("%d records, %d ms left", len(event["Records"]), context.get_remaining_time_in_millis())
    rejected = []
    for record in event["Records"]:
        try:
            fulfil_once(record["body"])
        except Exception:
            log.exception("not fulfilled: %s", record["messageId"])
            print("not fulfilled:", record["body"], file=sys.stderr, flush=True)
            rejected.append(record)
        else:
            print("fulfilled:", record["body"], flush=True)
    logging.debug("done")
    return failed(rejected)


consumer = honest(__file__)
