# The queue is there before the stack, and belongs to whoever measures.
data "aws_sqs_queue" "replies" {
  count = var.reply_queue == "" ? 0 : 1
  name  = var.reply_queue
}

locals {
  reply_environment = var.reply_queue == "" ? {} : {
    REDRIVE_REPLY_QUEUE_URL = data.aws_sqs_queue.replies[0].url
  }
}

data "aws_iam_policy_document" "replies" {
  statement {
    sid       = "Replies"
    actions   = ["sqs:SendMessage"]
    resources = data.aws_sqs_queue.replies[*].arn
  }
}

resource "aws_iam_role_policy" "replies" {
  count  = var.reply_queue == "" ? 0 : 1
  name   = "replies"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.replies.json
}
