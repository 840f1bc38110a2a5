"""The records of a batch in a thread pool."""

from concurrent.futures import ThreadPoolExecutor

from honest_orders import failed, fulfil_once, honest


def handler(event, context):
    with ThreadPoolExecutor(max_workers=1) as pool:
        futures = [pool.submit(fulfil_once, record["body"]) for record in event["Records"]]
        return failed(
            [record for record, future in zip(event["Records"], futures, strict=True) if future.exception() is not None]
        )


consumer = honest(__file__)
