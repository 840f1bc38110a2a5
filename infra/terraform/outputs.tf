output "queue_url" {
  description = "URL of the queue to send to."
  value       = aws_sqs_queue.source.url
}

output "queue_arn" {
  description = "ARN of the queue."
  value       = aws_sqs_queue.source.arn
}

output "dlq_url" {
  description = "URL of the DLQ."
  value       = aws_sqs_queue.dlq.url
}

output "dlq_arn" {
  description = "ARN of the DLQ."
  value       = aws_sqs_queue.dlq.arn
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.consumer.function_name
}

output "table_name" {
  description = "Name of the table with ledger and effects."
  value       = aws_dynamodb_table.ledger.name
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.function.name
}
