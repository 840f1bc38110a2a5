import argparse

import pytest

from redrive.load.settings import SendSettings, add_arguments


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
    assert (settings.endpoint_url, settings.region, settings.fifo) == (None, None, False)


def test_every_value_is_taken(parser):
    words = ["--queue-url=u.fifo", "--endpoint-url=e", "--region=r", "--batch-size=3", "--batches-per-second=0.5"]
    words.append("--poison-rate=1")
    assert SendSettings.from_options(parser.parse_args(words)) == SendSettings(
        queue_url="u.fifo", endpoint_url="e", region="r", batch_size=3, batches_per_second=0.5, poison_rate=1.0
    )
    assert SendSettings.from_options(parser.parse_args(words)).fifo


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
    ],
)
def test_value_out_of_range_is_refused_with_the_range(parser, capsys, name, value):
    with pytest.raises(SystemExit):
        parser.parse_args([f"{name}={value}"])
    assert f"{name}: {value!r} is not a" in capsys.readouterr().err


def test_what_is_for_programs_is_not_shown_in_the_web_interface(parser):
    hidden = {action.dest for action in parser._actions if not getattr(action, "include_in_web_ui", True)}
    assert hidden == {"summary_file", "until_stdin_closes"}
