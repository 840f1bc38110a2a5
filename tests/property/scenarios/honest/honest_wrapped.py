"""A decorated function of three arguments, two of them given, one of them its dependencies."""

from functools import partial, wraps

from honest_orders import failed, fulfil_once, honest


def reporting(function):
    """Call ``function`` for each record, and report those for which it raises."""

    @wraps(function)
    def batch(dependencies, event, context):
        rejected = []
        for record in event["Records"]:
            try:
                function(dependencies, record)
            except Exception:  # noqa: BLE001 - whatever it was, the message comes back
                rejected.append(record)
        return failed(rejected)

    return batch


@reporting
def fulfil(dependencies, record):
    dependencies["fulfil"](record["body"])


handler = partial(fulfil, {"fulfil": fulfil_once})

consumer = honest(__file__)
