resource "aws_cloudwatch_log_group" "function" {
  name              = local.log_group_name
  retention_in_days = var.log_retention_days
}

# No dead_letter_config: it takes failed asynchronous invocations. The mapping invokes synchronously, and messages reach
# the DLQ by the queue's redrive policy alone.
resource "aws_lambda_function" "consumer" {
  function_name    = local.function_name
  role             = aws_iam_role.function.arn
  runtime          = "python3.13"
  architectures    = [var.architecture]
  handler          = "reference_handler.app.lambda_handler"
  filename         = var.package_path
  source_code_hash = filebase64sha256(var.package_path)
  timeout          = var.function_timeout_s
  memory_size      = var.function_memory_mb

  environment {
    variables = merge(local.business_key_environment, local.payload_environment, local.reply_environment, {
      REDRIVE_SINK      = "dynamodb"
      REDRIVE_LEDGER    = "dynamodb"
      REDRIVE_TABLE     = aws_dynamodb_table.ledger.name
      REDRIVE_LOG_LEVEL = var.log_level
    })
  }

  # Naming the group here also makes it exist first; created by the function it would have no retention.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }
}

resource "aws_lambda_event_source_mapping" "source" {
  event_source_arn        = aws_sqs_queue.source.arn
  function_name           = aws_lambda_function.consumer.arn
  batch_size              = var.batch_size
  function_response_types = ["ReportBatchItemFailures"]

  # FIFO queues take no window, not even one of 0.
  maximum_batching_window_in_seconds = var.fifo ? null : var.batching_window_s

  dynamic "scaling_config" {
    for_each = var.maximum_concurrency == null ? [] : [var.maximum_concurrency]
    content {
      maximum_concurrency = scaling_config.value
    }
  }

  # The mapping is refused as long as the role may not read the queue.
  depends_on = [aws_iam_role_policy.function, aws_iam_role_policy.payloads, aws_iam_role_policy.replies]
}
