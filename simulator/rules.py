"""The rules that the simulator follows: what each says, where AWS says so, and the tests that hold it.

``S`` is about queues, ``E`` about the event source mapping. A test of a rule bears the rule's id in its name
(``test_E07_unknown_item_identifier_fails_the_batch``). Data only: the names of tests are here so that an installed
redrive can print them as well; the tests compare them with the tests that there are.
"""

import re
from dataclasses import dataclass

__all__ = ["RULES", "Rule", "Source", "rule_ids_of_test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a rule comes from: a document of AWS, a recording of AWS's answers, or other rules."""

    name: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, in one line. ``tests`` are pytest node ids from the project's root, those that read most like it."""

    id: str
    title: str
    sources: tuple[Source, ...]
    tests: tuple[str, ...]

    @property
    def choice(self) -> bool:
        """Whether AWS documents nothing here, so that the simulator chooses what is hardest on the consumer."""
        return not self.sources


def rule_ids_of_test(name: str) -> tuple[str, ...]:
    """The rules that a test is named after: E20 and E21 for ``test_E20_E21_event_is_complete``."""
    ids = re.match(r"test((?:_[SE]\d+(?![A-Za-z\d]))+)", name)
    return tuple(ids[1].split("_")[1:]) if ids else ()


def _aws(manual: str, name: str, page: str) -> Source:
    return Source(name=name, url=f"https://docs.aws.amazon.com/{manual}/{page}.html")


def _sqs_api(operation: str) -> Source:
    return _aws("AWSSimpleQueueService/latest/APIReference", f"SQS API, {operation}", f"API_{operation}")


def _sqs_guide(title: str, page: str) -> Source:
    return _aws("AWSSimpleQueueService/latest/SQSDeveloperGuide", f"SQS guide, {title}", page)


def _lambda_api(name: str) -> Source:
    return _aws("lambda/latest/api", f"Lambda API, {name}", f"API_{name}")


def _lambda_guide(title: str, page: str) -> Source:
    return _aws("lambda/latest/dg", f"Lambda guide, {title}", page)


_RECORDING = Source(
    name="recording",
    url="https://github.com/localstack/localstack/blob/119bd6d2a781218f9595648c9cb46eb6cea2d520/tests/aws/services/"
    "lambda_/event_source_mapping/test_lambda_integration_sqs.snapshot.json",
)
_EXTENDED_CLIENT = Source(
    name="SQS extended client library", url="https://github.com/awslabs/amazon-sqs-python-extended-client-lib"
)
_SEND = _sqs_api("SendMessage")
_RECEIVE = _sqs_api("ReceiveMessage")
_DELETE = _sqs_api("DeleteMessage")
_ATTRIBUTES = _sqs_api("SetQueueAttributes")
_VISIBILITY = _sqs_guide("visibility timeout", "sqs-visibility-timeout")
_METADATA = _sqs_guide("message metadata", "sqs-message-metadata")
_DLQ = _sqs_guide("dead-letter queues", "sqs-dead-letter-queues")
_DLQ_RETENTION = _sqs_guide("dead-letter queue retention", "setting-up-dead-letter-queue-retention")
_DLQ_REDRIVE = _sqs_guide("dead-letter queue redrive", "sqs-configure-dead-letter-queue-redrive")
_STANDARD = _sqs_guide("standard queues", "standard-queues")
_FIFO = _sqs_guide("FIFO delivery logic", "FIFO-queues-understanding-logic")
_FIFO_ONCE = _sqs_guide("exactly-once processing", "FIFO-queues-exactly-once-processing")
_FIFO_ATTEMPT = _sqs_guide("ReceiveRequestAttemptId", "using-receiverequestattemptid-request-parameter")
_FAIR = _sqs_guide("fair queues", "sqs-fair-queues")
_PARAMETERS = _lambda_guide("SQS parameters", "services-sqs-parameters")
_BATCHING = _lambda_guide("SQS polling and batching", "with-sqs")
_CONFIGURING = _lambda_guide("SQS event source mapping", "services-sqs-configure")
_ERRORS = _lambda_guide("SQS error handling", "services-sqs-errorhandling")
_SCALING = _lambda_guide("SQS scaling", "services-sqs-scaling")
_FILTERING = _lambda_guide("SQS event filtering", "with-sqs-filtering")
_ENVIRONMENT = _lambda_guide("execution environment", "lambda-runtime-environment")
_RUNTIME_API = _lambda_guide("runtime API", "runtimes-api")

_TESTS = {
    "tests/unit/simulator/test_message_limits.py": (
        "test_S01_body_is_at_most_1048576_bytes",
        "test_S01_name_type_and_value_of_message_attributes_count_toward_the_size",
        "test_S03_allowed_characters_arrive_as_they_are",
        "test_S03_other_characters_are_invalid_message_contents",
        "test_S04_message_has_at_most_10_attributes",
        "test_S04_types_string_number_and_binary_each_with_an_optional_label",
    ),
    "tests/unit/simulator/test_batches.py": (
        "test_S02_batch_is_at_most_1048576_bytes_in_all_message_attributes_included",
        "test_S02_entries_fail_each_for_a_reason_of_its_own_while_others_succeed",
    ),
    "tests/unit/simulator/test_visibility.py": (
        "test_S05_received_message_is_hidden_until_its_visibility_timeout_ends",
        "test_S05_visibility_timeout_is_0_to_43200_seconds",
        "test_S06_change_acts_on_one_receipt",
        "test_S06_change_to_0_makes_visible_at_once",
        "test_S06_total_is_at_most_12_hours_from_the_receive",
        "test_S07_every_receive_raises_the_receive_count",
        "test_S07_time_of_the_first_receive_is_kept",
        "test_S08_each_receive_gives_a_new_receipt_handle",
        "test_S08_fifo_delete_after_the_visibility_timeout_fails",
        "test_S09_deleting_a_message_that_is_gone_succeeds",
    ),
    "tests/unit/simulator/test_redrive_policy.py": (
        "test_S10_moved_when_the_receive_count_would_exceed_max_receive_count",
        "test_S10_message_id_and_body_stay",
        "test_S11_dead_letter_queue_is_of_the_type_of_its_source",
        "test_S11_enqueue_time_stays_in_a_standard_queue_and_starts_anew_in_a_fifo_queue",
    ),
    "tests/unit/simulator/test_move_task.py": (
        "test_S12_moved_message_has_a_new_message_id_and_enqueue_time",
        "test_S12_retention_of_a_moved_message_starts_again",
    ),
    "tests/unit/simulator/test_retention.py": (
        "test_S13_retention_is_60_to_1209600_seconds",
        "test_S13_message_is_gone_at_the_end_of_its_retention_though_nobody_received_it",
    ),
    "tests/unit/simulator/test_standard_queue.py": (
        "test_S14_delay_is_0_to_900_seconds",
        "test_S14_fifo_message_has_no_delay_of_its_own",
        "test_S16_a_receive_asks_for_1_to_10_messages",
        "test_S16_a_receive_returns_fewer_where_fewer_are_visible",
        "test_S17_message_may_be_delivered_again_after_it_was_deleted",
        "test_S17_best_effort_order_is_any_order_and_the_seed_decides_it",
        "test_S21_message_group_on_a_standard_queue_keeps_no_order",
        "test_S21_message_group_on_a_standard_queue_blocks_nothing",
        "test_S21_message_group_on_a_standard_queue_is_a_system_attribute",
    ),
    "tests/unit/simulator/test_in_flight.py": (
        "test_S15_standard_queue_at_the_limit_raises_over_limit_on_short_polling",
        "test_S15_standard_queue_at_the_limit_returns_nothing_on_long_polling",
        "test_S15_fifo_queue_at_the_limit_returns_nothing",
    ),
    "tests/unit/simulator/test_fifo_queue.py": (
        "test_S18_message_group_comes_in_send_order",
        "test_S18_message_group_with_a_message_in_flight_delivers_nothing_else",
        "test_S19_same_deduplication_id_within_5_minutes_enqueues_nothing",
        "test_S19_duplicate_answers_with_the_first_message_id_and_sequence_number",
        "test_S20_fifo_send_needs_a_message_group",
        "test_S20_sequence_numbers_have_20_digits_and_grow",
    ),
    "tests/unit/simulator/test_event_record.py": (
        "test_S22_md5_of_the_body_is_over_its_exact_bytes",
        "test_S22_md5_of_message_attributes_is_over_sorted_names_each_part_behind_its_length",
        "test_S23_standard_record_has_four_system_attributes_all_of_them_strings",
        "test_S23_fifo_record_adds_sequence_number_group_and_deduplication_id",
        "test_E20_record_has_exactly_the_fields_of_the_recordings",
        "test_E20_md5_of_message_attributes_is_there_only_if_there_are_any",
        "test_E21_message_attribute_has_one_value_two_empty_lists_and_its_type",
        "test_E22_body_arrives_byte_for_byte",
    ),
    "tests/unit/simulator/test_receive_attempts.py": (
        "test_S24_retry_gets_the_same_messages_with_the_same_receipt_handles",
    ),
    "tests/unit/simulator/test_mapping_config.py": (
        "test_E01_batch_size_of_a_standard_queue_is_1_to_10000",
        "test_E01_batch_size_of_a_fifo_queue_is_1_to_10",
        "test_E01_batch_size_above_10_needs_a_batching_window",
        "test_E04_function_timeout_is_at_most_the_visibility_timeout",
    ),
    "tests/unit/simulator/test_driver.py": (
        "test_E02_full_batch_is_invoked_at_once",
        "test_E02_batch_that_is_not_full_is_invoked_when_the_window_is_over",
        "test_E06_exception_timeout_and_crash_fail_the_whole_batch",
        "test_E10_successful_messages_are_deleted_and_failed_ones_come_again",
        "test_E10_failed_messages_stay_hidden_until_their_visibility_timeout_ends",
        "test_E11_message_whose_deletion_is_lost_comes_again",
    ),
    "tests/unit/simulator/test_assembly.py": (
        "test_E02_batch_is_due_before_its_payload_passes_6_mb",
        "test_E03_quiet_queue_may_hold_a_short_window_open_for_20_seconds",
    ),
    "tests/unit/simulator/test_batch_response.py": (
        "test_E05_documented_responses_are_success_of_the_whole_batch",
        "test_E05_object_without_the_key_is_success_and_a_problem",
        "test_E06_response_that_is_not_json_fails_the_batch",
        "test_E06_item_without_an_item_identifier_fails_the_batch",
        "test_E07_unknown_item_identifier_fails_the_batch",
        "test_E08_without_report_batch_item_failures_the_response_is_ignored",
        "test_E09_batch_item_failures_that_is_no_list_fails_the_batch",
    ),
    "tests/unit/simulator/test_driver_faults.py": (
        "test_E12_what_no_filter_lets_through_is_deleted_without_an_invocation",
    ),
    "tests/unit/simulator/test_filters.py": (
        "test_E12_json_body_is_for_patterns_on_json",
        "test_E12_body_that_is_not_json_is_for_patterns_on_text",
    ),
    "tests/unit/simulator/test_scaling.py": (
        "test_E13_starts_with_5_concurrent_batches_and_grows_by_300_a_minute",
        "test_E13_grows_to_1000_concurrent_batches",
        "test_E14_maximum_concurrency_bounds_concurrent_invocations",
        "test_E14_on_a_fifo_queue_the_active_groups_or_the_maximum_whichever_is_lower",
        "test_E15_provisioned_pollers_have_bounds",
        "test_E15_each_provisioned_poller_has_10_concurrent_invocations",
        "test_E15_provisioned_pollers_exclude_maximum_concurrency",
        "test_E16_function_errors_back_off_and_reported_items_do_not",
    ),
    "tests/unit/simulator/test_throttling.py": (
        "test_E17_mapping_lets_go_when_the_visibility_timeout_ends",
        "test_E17_receive_counts_although_nothing_was_delivered",
    ),
    "tests/unit/simulator/test_fifo_mapping.py": (
        "test_E18_batch_may_hold_several_groups_with_order_kept_in_each",
        "test_E18_returning_failed_and_unprocessed_records_keeps_the_order",
        "test_E19_later_message_that_was_not_reported_is_done_before_the_earlier_one_that_failed",
    ),
    "tests/unit/scenarios/test_function_endings.py": (
        "test_E23_unhandled_exception_is_an_error_payload_and_fails_the_batch",
        "test_E23_timeout_says_task_timed_out_after_the_function_timeout",
        "test_E23_dead_process_is_a_runtime_exit_error",
    ),
    "tests/unit/simulator/test_execution_environments.py": (
        "test_E24_execution_environment_is_cold_once_and_used_again",
        "test_E24_one_invocation_at_a_time_in_each",
        "test_E24_process_is_gone_after_a_timeout_or_a_crash",
    ),
    "tests/unit/fixtures/test_sample_events.py": ("test_E25_extended_client_pointers_are_not_resolved",),
}
"""Tests by their file, each the test of the rules that it is named after."""


def _rule(rule_id: str, title: str, *sources: Source) -> Rule:
    tests = (f"{path}::{name}" for path, names in _TESTS.items() for name in names if rule_id in rule_ids_of_test(name))
    return Rule(id=rule_id, title=title, sources=sources, tests=tuple(tests))


RULES: tuple[Rule, ...] = (
    _rule("S01", "A body is 1 to 1,048,576 bytes of UTF-8, message attributes included", _SEND),
    _rule(
        "S02",
        "A batch send is 1 to 10 entries of distinct ids, 1,048,576 bytes in all; each may fail on its own",
        _sqs_api("SendMessageBatch"),
    ),
    _rule("S03", "Below U+0020 only tab, LF and CR may be sent, and no surrogate, U+FFFE or U+FFFF", _SEND),
    _rule("S04", "At most 10 message attributes, each with a lawful name, a type and a value", _METADATA),
    _rule("S05", "A received message is hidden for 0 to 43,200 s (30 by default), then it may come again", _VISIBILITY),
    _rule(
        "S06",
        "ChangeMessageVisibility acts on one receipt, from now on; 0 shows at once; 12 h in all",
        _VISIBILITY,
        _sqs_api("ChangeMessageVisibility"),
    ),
    _rule(
        "S07", "Every receive raises the receive count; the time of the first receive is kept", _RECEIVE, _VISIBILITY
    ),
    _rule(
        "S08",
        "Each receive gives a new receipt handle; on FIFO it deletes only while the message is hidden",
        _DELETE,
        Source(name="AWS re:Post, receipt handles", url="https://repost.aws/knowledge-center/sqs-receipt-handle-error"),
    ),
    _rule("S09", "Deleting a message that is gone succeeds", _DELETE),
    _rule(
        "S10",
        "The receive that would exceed maxReceiveCount (1 to 1,000) moves the message to the dead-letter queue",
        _ATTRIBUTES,
        _RECORDING,
    ),
    _rule(
        "S11",
        "A dead-letter queue is of its source's type; only a standard one keeps the enqueue time",
        _DLQ,
        _DLQ_RETENTION,
    ),
    _rule(
        "S12", "A redrive from the dead-letter queue gives a new message id, enqueue time and retention", _DLQ_REDRIVE
    ),
    _rule("S13", "After 60 to 1,209,600 s (345,600 by default) a message is gone, received or not", _ATTRIBUTES),
    _rule("S14", "A delay is 0 to 900 s, of one message or of the queue; on FIFO of the queue alone", _SEND),
    _rule(
        "S15",
        "120,000 messages in flight at most; then OverLimit, or nothing on long polling and FIFO",
        _sqs_api("ChangeMessageVisibility"),
        _RECEIVE,
    ),
    _rule("S16", "A receive gives 1 to 10 messages; fewer than asked for is normal", _RECEIVE),
    _rule("S17", "A standard queue delivers at least once, even after a deletion, in best-effort order", _STANDARD),
    _rule("S18", "A message group keeps its order, and gives nothing while one of its messages is in flight", _FIFO),
    _rule(
        "S19",
        "A deduplication id sent again within 5 minutes enqueues nothing and answers with the first message",
        _SEND,
        _FIFO_ONCE,
    ),
    _rule("S20", "A FIFO send names a message group; sequence numbers have 20 digits and grow in it", _SEND),
    _rule("S21", "A message group on a standard queue is a system attribute; it neither orders nor blocks", _FAIR),
    _rule("S22", "MD5s are over exact bytes: of the body, and of the message attributes sorted by name", _METADATA),
    _rule("S23", "System attributes in an event are strings: four always, three more on FIFO", _RECORDING),
    _rule("S24", "A FIFO receive tried again within 5 minutes by its attempt id gets the same messages", _FIFO_ATTEMPT),
    _rule(
        "E01",
        "BatchSize is 10 by default and 10,000 at most (FIFO: 10); above 10 it needs a window of 1 s",
        _PARAMETERS,
    ),
    _rule(
        "E02",
        "A batch goes when it is full, its window (0 to 300 s, none on FIFO) is over or it would pass 6 MB",
        _BATCHING,
    ),
    _rule("E03", "On a quiet queue a batch with a window may wait up to 20 s", _BATCHING),
    _rule("E04", "A function timeout above the visibility timeout is refused; a sixth of it is advised", _CONFIGURING),
    _rule(
        "E05",
        "null, nothing, {} and null, empty or no batchItemFailures mean that the batch succeeded",
        _ERRORS,
        _RECORDING,
    ),
    _rule(
        "E06",
        "No JSON, an item without itemIdentifier, an exception, a timeout or a crash fail the batch",
        _ERRORS,
        _RECORDING,
    ),
    _rule("E07", "An itemIdentifier that is not in the batch fails the batch", _ERRORS),
    _rule("E08", "Without ReportBatchItemFailures the response is not read: to return is to succeed", _ERRORS),
    _rule("E09", "batchItemFailures that is no list fails the batch"),
    _rule(
        "E10",
        "What succeeded is deleted after the invocation; what failed stays hidden for its time",
        _BATCHING,
        _ERRORS,
    ),
    _rule("E11", "A deletion can fail or be lost; then a message that was processed comes again", _DELETE),
    _rule(
        "E12", "What no filter matches is deleted unseen; a pattern is for JSON or for plain text, not both", _FILTERING
    ),
    _rule("E13", "A standard queue begins with 5 concurrent batches and gains 300 a minute, to 1,000", _SCALING),
    _rule("E14", "MaximumConcurrency (2 to 1,000) bounds invocations; on FIFO active groups do so too", _SCALING),
    _rule(
        "E15",
        "Provisioned pollers, 2 to 10,000 of 10 invocations each, exclude MaximumConcurrency",
        _lambda_api("ProvisionedPollerConfig"),
        _SCALING,
    ),
    _rule("E16", "Function errors make the mapping back off; failures reported as items do not", _ERRORS),
    _rule(
        "E17", "A throttled invocation is retried until the visibility timeout ends; its receive has counted", _ERRORS
    ),
    _rule(
        "E18",
        "A FIFO batch may hold several groups, each in order; return what failed and all behind it",
        _ERRORS,
        _SCALING,
    ),
    _rule(
        "E19",
        "What a FIFO handler does not report is done, even before an earlier one that failed",
        _ERRORS,
        Source(name="follows from E10 and S18"),
    ),
    _rule("E20", "The event is Records of nine fields, and md5OfMessageAttributes if there are any", _RECORDING),
    _rule("E21", "A message attribute in the event has one value, two empty lists and its type", _RECORDING),
    _rule("E22", "The body arrives byte for byte as it was sent", _RECORDING),
    _rule(
        "E23",
        "An exception answers with message, type, request id and stack trace; timeout and exit say so",
        _RUNTIME_API,
        _lambda_guide("Python exceptions", "python-exceptions"),
    ),
    _rule(
        "E24",
        "An execution environment keeps its state, one invocation at a time, until it times out or dies",
        _ENVIRONMENT,
    ),
    _rule("E25", "A body of the extended client reaches the function as the pointer that it is", _EXTENDED_CLIENT),
)
