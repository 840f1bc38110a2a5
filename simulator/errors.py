"""The errors that the SQS and Lambda APIs answer with, as far as the model refuses things."""

__all__ = ["SqsError"]


class SqsError(Exception):
    """A request that AWS would refuse.

    ``code`` is the error code of the API (``InvalidParameterValue``, ``MissingParameter``, …), ``message`` says
    what was wrong. Nothing has changed when it is raised.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
