"""Load on a queue: `locust -f load/locustfile.py --queue-url URL --headless -u 2 -r 2 -t 20s`."""

from redrive.load.sqs_user import SqsUser

__all__ = ["SqsUser"]
