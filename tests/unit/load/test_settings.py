import argparse
from pathlib import Path

import pytest

from redrive.load.sending.message_bytes import MessageBytes
from redrive.load.settings import PROFILE_OPTION, SendSettings, add_arguments


class Parser(argparse.ArgumentParser):
    """Takes what Locust's parser takes beyond argparse's: an environment variable for each argument."""

    def __init__(self):
        self.variables = {}
        super().__init__(add_help=False)

    def add_argument_group(self, *arguments, **named):
        if arguments and arguments[0] in {"positional arguments", "options"}:
            return super().add_argument_group(*arguments, **named)
        return self

    def add_argument(self, name, *arguments, env_var=None, **named):
        self.variables[name] = env_var
        return super().add_argument(name, *arguments, **named)


@pytest.fixture
def parser():
    made = Parser()
    add_arguments(made)
    return made


def test_defaults_need_only_a_queue(parser):
    settings = SendSettings.from_options(parser.parse_args(["--queue-url", "http://127.0.0.1:1/1/q"]))
    assert settings == SendSettings(queue_url="http://127.0.0.1:1/1/q")
    assert (settings.batch_size, settings.batches_per_second, settings.poison_rate) == (10, 1.0, 0.0)
    assert (settings.endpoint_url, settings.region, settings.profile, settings.fifo) == (None, None, None, False)
    assert (settings.client, settings.message_bytes, settings.body_file) == ("fast", None, None)


def test_every_value_is_taken(parser):
    words = ["--queue-url=u.fifo", "--endpoint-url=e", "--region=r", "--batch-size=3", "--batches-per-second=0.5"]
    words += ["--poison-rate=0.5", "--duplicate-rate=0.3", "--oversize-rate=0.2", "--message-bytes=100-200"]
    words += ["--seed=9", "--group-count=7", "--client=boto3", "--profile=p"]
    settings = SendSettings.from_options(parser.parse_args(words))
    assert settings == SendSettings(
        queue_url="u.fifo",
        endpoint_url="e",
        region="r",
        profile="p",
        client="boto3",
        batch_size=3,
        batches_per_second=0.5,
        message_bytes=MessageBytes(low=100, high=200),
        seed=9,
        poison_rate=0.5,
        duplicate_rate=0.3,
        oversize_rate=0.2,
        group_count=7,
    )
    assert settings.fifo
    assert SendSettings.from_options(parser.parse_args(["--queue-url=u", "--body-file=b"])).body_file == Path("b")


def test_profile_of_the_master_is_the_workers_too(parser):
    options = parser.parse_args(["--queue-url=u", "--profile=workers-own"])
    setattr(options, PROFILE_OPTION, "masters")
    assert SendSettings.from_options(options).profile == "masters"


def test_profile_that_locust_has_already_is_used_and_gets_its_variable():
    parser = Parser()
    action = parser.add_argument("--profile")
    add_arguments(parser)
    assert action.env_var == "REDRIVE_LOAD_PROFILE"
    assert SendSettings.from_options(parser.parse_args(["--queue-url=u", "--profile=p"])).profile == "p"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--poison-rate=0.5", "--duplicate-rate=0.4", "--oversize-rate=0.2"], "more than 1 together"),
        (["--body-file=b", "--message-bytes=5"], "--body-file have their own size"),
    ],
)
def test_values_that_do_not_go_together_are_an_error(parser, words, says):
    with pytest.raises(ValueError, match=says):
        SendSettings.from_options(parser.parse_args(["--queue-url=u", *words]))


def test_no_queue_is_an_error_that_says_what_to_do(parser):
    with pytest.raises(ValueError, match=r"--queue-url.*REDRIVE_LOAD_QUEUE_URL"):
        SendSettings.from_options(parser.parse_args([]))


def test_each_argument_has_its_environment_variable(parser):
    assert parser.variables["--queue-url"] == "REDRIVE_LOAD_QUEUE_URL"
    assert parser.variables["--batches-per-second"] == "REDRIVE_LOAD_BATCHES_PER_SECOND"
    assert None not in parser.variables.values()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--batch-size", "0"),
        ("--batch-size", "11"),
        ("--batch-size", "2.5"),
        ("--batch-size", ""),
        ("--batches-per-second", "-1"),
        ("--batches-per-second", "nan"),
        ("--poison-rate", "1.01"),
        ("--poison-rate", "2%"),
        ("--duplicate-rate", "-0.1"),
        ("--oversize-rate", "x"),
        ("--message-bytes", "5-4"),
        ("--message-bytes", "lognormal:0,1"),
        ("--seed", "-1"),
        ("--group-count", "0"),
    ],
)
def test_value_out_of_range_is_refused_with_the_range(parser, capsys, name, value):
    with pytest.raises(SystemExit):
        parser.parse_args([f"{name}={value}"])
    assert f"{name}: {value!r} is not a" in capsys.readouterr().err


def test_what_is_for_programs_is_not_shown_in_the_web_interface(parser):
    hidden = {action.dest for action in parser._actions if not getattr(action, "include_in_web_ui", True)}
    assert hidden == {"summary_file", "until_stdin_closes"}
