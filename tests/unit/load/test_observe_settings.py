import argparse
from datetime import UTC, datetime
from pathlib import Path

import pytest

from redrive.load.observing.observe_settings import ObserverName, ObserveSettings, add_arguments


class Parser(argparse.ArgumentParser):
    """Locust's parser takes an environment variable with each argument."""

    def add_argument_group(self, *words):
        group = super().add_argument_group(*words)
        plain = group.add_argument
        group.add_argument = lambda *names, env_var, **more: plain(*names, **more)
        return group


def parsed(*arguments):
    parser = Parser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_by_default_the_depth_is_observed_and_a_report_written_into_a_folder_of_this_moment():
    settings = ObserveSettings.from_options(parsed(), now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert settings == ObserveSettings(report=Path("redrive-load-20260102T030405Z"))
    assert (settings.observer, settings.drain_s) == (ObserverName.DEPTH, 120)


def test_every_argument_is_read():
    options = parsed(
        *("--observe", "ledger", "--ledger-table", "orders", "--drain", "7", "--report", "r", "--raw-samples", "s")
    )
    assert ObserveSettings.from_options(options) == ObserveSettings(
        observer=ObserverName.LEDGER, ledger_table="orders", drain_s=7, report=Path("r"), raw_samples=Path("s")
    )


def test_empty_is_no_report():
    assert ObserveSettings.from_options(parsed("--report", "")).report is None


def test_who_observes_nothing_reports_nothing():
    assert ObserveSettings.from_options(parsed("--observe", "none", "--report", "r")).report is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--observe", "reply"], "--reply-queue-url"), (["--observe", "ledger"], "REDRIVE_LOAD_LEDGER_TABLE")],
)
def test_observer_that_lacks_what_it_needs_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        ObserveSettings.from_options(parsed(*arguments))


def test_unknown_observer_and_bad_time_are_refused(capsys):
    for arguments in (["--observe", "magic"], ["--drain", "-1"]):
        with pytest.raises(SystemExit):
            parsed(*arguments)
    assert "not a number from 0" in capsys.readouterr().err
