"""Load on a queue with Locust, and an account of every message sent.

Importing this package imports nothing else: Locust changes the interpreter when it is imported (gevent), so only
`sqs_user`, `locust_events` and `locustfile` do that, and they run in a process of their own.
"""
