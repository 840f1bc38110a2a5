data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    # By account, not by the function's ARN: the event source mapping takes this role too, on its own behalf.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "function" {
  name               = "${var.name}-consumer"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "function" {
  # What the mapping needs to poll and delete. Nothing on the DLQ: SQS itself moves messages there.
  statement {
    sid       = "Queue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.source.arn]
  }

  statement {
    sid       = "Table"
    actions   = ["dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    resources = [aws_dynamodb_table.ledger.arn]
  }

  # The part after the colon is the log stream. No CreateLogGroup: a group that came back by itself would keep logs for ever.
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }
}

resource "aws_iam_role_policy" "function" {
  name   = "consumer"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}

# Nothing is put there or deleted: the bodies are the producers'.
data "aws_iam_policy_document" "payloads" {
  statement {
    sid       = "Payloads"
    actions   = ["s3:GetObject"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.payload_bucket}/*"]
  }
}

resource "aws_iam_role_policy" "payloads" {
  count  = var.payload_bucket == "" ? 0 : 1
  name   = "payloads"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.payloads.json
}
