locals {
  queue_suffix = var.fifo ? ".fifo" : ""

  # Six timeouts leave room for the mapping's own retries of a throttled invocation while the messages stay hidden.
  visibility_timeout_s = coalesce(
    var.visibility_timeout_s, 6 * var.function_timeout_s + var.batching_window_s
  )

  dlq_retention_s = 1209600

  # Named here because the role must know the log group, and the log group must exist before the function.
  function_name  = "${var.name}-consumer"
  log_group_name = "/aws/lambda/${local.function_name}"

  # Left out rather than empty, so that the function shows only what was chosen.
  business_key_environment = var.business_key_pointer == "" ? {} : {
    REDRIVE_BUSINESS_KEY_POINTER = var.business_key_pointer
  }
  payload_environment = var.payload_bucket == "" ? {} : {
    REDRIVE_PAYLOAD_BUCKETS = var.payload_bucket
  }
}
