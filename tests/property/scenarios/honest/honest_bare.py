"""A handler on its own: no AWS call, no definition of a consumer, no answer."""

seen = {}


def handler(event, context):
    for record in event["Records"]:
        seen[record["messageId"]] = record["body"]
    print(f"{len(seen)} messages in this environment so far")
