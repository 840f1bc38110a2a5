"""An object that is called, made at import with all that it needs."""

from honest_orders import failed, fulfil_once, honest


class Handler:
    def __init__(self, fulfil):
        self.fulfil = fulfil
        self.batches = 0

    def __call__(self, event, context):
        self.batches += 1
        return failed([record for record in event["Records"] if not self.is_fulfilled(record)])

    def is_fulfilled(self, record):
        try:
            self.fulfil(record["body"])
        except Exception as error:  # noqa: BLE001 - whatever it was, the message comes back
            print(f"batch {self.batches}: {error!r}")
            return False
        return True


handler = Handler(fulfil_once)

consumer = honest(__file__)
