"""What runs inside LocalStack: an executor of functions, DynamoDB by moto, and mends to its poller of queues.

`server` puts a copy of this folder, and of the runtimes it uses, on LocalStack's import path. So it imports nothing but
the standard library, LocalStack and `redrive.fixtures.runtimes`. Modules that import LocalStack: `registered`,
`executor`, `dynamodb`, `poller_patches`; all others can be tested without it.
"""
