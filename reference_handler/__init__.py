"""A Lambda function for SQS that loses nothing, does nothing twice and shields each message from its neighbours.

The entry point is `app.lambda_handler`. All imports inside this folder are relative, so it can be zipped or
copied alone and deployed as `reference_handler.app.lambda_handler`.
"""
