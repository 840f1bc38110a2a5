"""``--on localstack``: what the command line says before there is a LocalStack."""

import pytest

from redrive.scenarios.cli import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--on", "localstack", "--runtime", "process"], "leave out --runtime and --url"),
        (["--on", "localstack", "--runtime", "in-process"], "leave out --runtime and --url"),
        (["--on", "localstack", "--url", "http://127.0.0.1:9"], "leave out --runtime and --url"),
        (["--runtime", "native"], "simulated has none"),
        (["--on", "localstack", "--fault", "throttle=1"], "no throttled invocations"),
        (["--on", "localstack"], "LOCALSTACK_ENDPOINT=http://127.0.0.1:9 is no LocalStack"),
    ],
)
def test_what_cannot_be_is_one_line(words, said, monkeypatch, capsys):
    monkeypatch.setenv("LOCALSTACK_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SystemExit) as ended:
        main(["verify", *words])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
