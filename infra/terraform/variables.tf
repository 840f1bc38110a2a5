variable "name" {
  description = "Prefix of every name in the stack."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,39}$", var.name))
    error_message = "name must be 1 to 40 letters, digits and hyphens, and begin with a letter."
  }
}

variable "package_path" {
  description = "Path of the function's zip, as redrive.infra.package_function writes it."
  type        = string

  validation {
    condition     = endswith(var.package_path, ".zip")
    error_message = "package_path must name a .zip file."
  }
}

# Queue

variable "fifo" {
  description = "Whether the queue and its DLQ are FIFO queues."
  type        = bool
  default     = false
  nullable    = false
}

variable "visibility_timeout_s" {
  description = "Visibility timeout of the queue in seconds. Null means six times function_timeout_s, plus batching_window_s."
  type        = number
  default     = null

  validation {
    condition = var.visibility_timeout_s == null ? true : (
      var.visibility_timeout_s >= 6 * var.function_timeout_s + var.batching_window_s
    )
    error_message = "visibility_timeout_s must be at least 6 * function_timeout_s + batching_window_s."
  }

  validation {
    condition = var.visibility_timeout_s == null ? true : (
      var.visibility_timeout_s == floor(var.visibility_timeout_s) && var.visibility_timeout_s <= 43200
    )
    error_message = "visibility_timeout_s must be a whole number of at most 43200 (12 hours)."
  }
}

variable "max_receive_count" {
  description = "Deliveries after which a message moves to the DLQ. Below 5, a few throttled invocations are enough to dead-letter a good message."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_receive_count == floor(var.max_receive_count) && var.max_receive_count >= 1 && var.max_receive_count <= 1000
    error_message = "max_receive_count must be a whole number from 1 to 1000."
  }
}

variable "message_retention_s" {
  description = "How long the queue keeps a message, in seconds."
  type        = number
  default     = 345600
  nullable    = false

  # A message keeps its age when it moves to a standard DLQ, so what the queue uses up of the DLQ's 14 days is lost there.
  validation {
    condition     = var.message_retention_s == floor(var.message_retention_s) && var.message_retention_s >= 60 && var.message_retention_s <= 604800
    error_message = "message_retention_s must be a whole number from 60 to 604800 (7 days), so that a message still has a week in the DLQ."
  }

  validation {
    condition = var.message_retention_s > var.max_receive_count * coalesce(
      var.visibility_timeout_s, 6 * var.function_timeout_s + var.batching_window_s
    )
    error_message = "message_retention_s must exceed max_receive_count times the visibility timeout, or a poison message expires before it reaches the DLQ."
  }
}

# Event source mapping

variable "batch_size" {
  description = "Most messages in one invocation."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.batch_size == floor(var.batch_size) && var.batch_size >= 1 && var.batch_size <= (var.fifo ? 10 : 10000)
    error_message = "batch_size must be a whole number from 1 to 10000, and at most 10 for a FIFO queue."
  }

  validation {
    condition     = var.batch_size <= 10 || var.batching_window_s >= 1
    error_message = "batch_size above 10 needs a batching_window_s of at least 1."
  }
}

variable "batching_window_s" {
  description = "How long the mapping gathers messages for a batch, in seconds. Standard queues only."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.batching_window_s == floor(var.batching_window_s) && var.batching_window_s >= 0 && var.batching_window_s <= 300
    error_message = "batching_window_s must be a whole number from 0 to 300."
  }

  validation {
    condition     = !var.fifo || var.batching_window_s == 0
    error_message = "batching_window_s must be 0 for a FIFO queue."
  }
}

variable "maximum_concurrency" {
  description = "Most concurrent invocations that the mapping makes. Null means no limit."
  type        = number
  default     = null

  validation {
    condition = var.maximum_concurrency == null ? true : (
      var.maximum_concurrency == floor(var.maximum_concurrency) && var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    )
    error_message = "maximum_concurrency must be a whole number from 2 to 1000, or null."
  }
}

# Function

variable "function_timeout_s" {
  description = "Timeout of the function in seconds."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.function_timeout_s == floor(var.function_timeout_s) && var.function_timeout_s >= 1 && var.function_timeout_s <= 900
    error_message = "function_timeout_s must be a whole number from 1 to 900."
  }
}

variable "function_memory_mb" {
  description = "Memory of the function in MB; processor time grows with it."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.function_memory_mb == floor(var.function_memory_mb) && var.function_memory_mb >= 128 && var.function_memory_mb <= 10240
    error_message = "function_memory_mb must be a whole number from 128 to 10240."
  }
}

variable "architecture" {
  description = "Instruction set of the function: the one that the zip was built for."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "business_key_pointer" {
  description = "JSON pointer to the business key in the body, such as /order/id. Empty means the message id, by which a redelivery is recognised, and a message that was sent twice is not."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(/([^~]|~[01])*)?$", var.business_key_pointer))
    error_message = "business_key_pointer must be empty or a JSON pointer that begins with a slash."
  }
}

variable "payload_bucket" {
  description = "S3 bucket with the bodies that producers with the Extended Client Library send pointers to. Empty means that pointers are not followed."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$", var.payload_bucket))
    error_message = "payload_bucket must be empty or the name of a bucket."
  }
}

variable "reply_queue" {
  description = "Name of a standard queue in this account and region that the function tells what became of each batch, for who measures its latency. Empty means that nobody is told."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{0,80}$", var.reply_queue))
    error_message = "reply_queue must be empty or the name of a standard queue."
  }
}

variable "log_level" {
  description = "Least severe level that the handler logs."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level must be DEBUG, INFO, WARNING or ERROR."
  }
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the function's logs, in days."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365], var.log_retention_days)
    error_message = "log_retention_days must be 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180 or 365."
  }
}

# Table

variable "table_deletion_protection" {
  description = "Whether the table refuses to be deleted. It holds the effects as well as the ledger."
  type        = bool
  default     = true
  nullable    = false
}

# Alarms

variable "oldest_message_age_alarm_s" {
  description = "Age of the queue's oldest message above which the alarm goes off, in seconds."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.oldest_message_age_alarm_s >= 60 && var.oldest_message_age_alarm_s < var.message_retention_s
    error_message = "oldest_message_age_alarm_s must be at least 60 and less than message_retention_s: an older message is gone."
  }
}

variable "alarm_actions" {
  description = "ARNs that are told when an alarm goes off, such as an SNS topic."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_actions : startswith(arn, "arn:")])
    error_message = "alarm_actions must be ARNs."
  }
}
