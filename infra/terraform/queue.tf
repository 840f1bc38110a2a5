resource "aws_sqs_queue" "source" {
  name                       = "${var.name}${local.queue_suffix}"
  fifo_queue                 = var.fifo
  visibility_timeout_seconds = local.visibility_timeout_s
  message_retention_seconds  = var.message_retention_s
  sqs_managed_sse_enabled    = true

  # Content-based deduplication stays off: it drops the second of two equal bodies even where both were meant.

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dlq.arn
    maxReceiveCount     = var.max_receive_count
  })
}

resource "aws_sqs_queue" "dlq" {
  name                      = "${var.name}-dlq${local.queue_suffix}"
  fifo_queue                = var.fifo
  message_retention_seconds = local.dlq_retention_s
  sqs_managed_sse_enabled   = true
}

# Says which queues may use this DLQ, so it sits on the DLQ and names the source. A resource of its own, because the
# source already refers to the DLQ.
resource "aws_sqs_queue_redrive_allow_policy" "dlq" {
  queue_url = aws_sqs_queue.dlq.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.source.arn]
  })
}
