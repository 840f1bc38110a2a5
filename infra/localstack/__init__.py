"""LocalStack without Docker, in an environment of its own (``server``), and what it lacks (``plugins``).

Importing this package imports nothing else: a part of it runs in LocalStack's interpreter, where redrive is not.
"""
