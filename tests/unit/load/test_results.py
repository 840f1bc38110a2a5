"""A run whose report could not be made is not a good one, whatever was wrong with it."""

from contextlib import suppress
from types import SimpleNamespace

import pytest

from redrive.load import results as module
from redrive.load.reporting import report
from redrive.load.results import Results


@pytest.mark.parametrize(("error", "status"), [(None, None), (OSError("disk full"), 1), (TypeError("a mistake"), 1)])
def test_exit_status_of_a_run_that_balances_is_that_of_its_report(
    monkeypatch, tmp_path, capsys, make_record, error, status
):
    def write_report(record, folder):
        if error is not None:
            raise error

    monkeypatch.setattr(module, "record_of", lambda observation, environment: make_record(seconds=3))
    monkeypatch.setattr(report, "write_report", write_report)
    results, environment = Results(), SimpleNamespace(process_exit_code=None)
    results.expect()
    with suppress(TypeError):
        results.add(SimpleNamespace(observe=SimpleNamespace(report=tmp_path)), environment)
    results.print()
    results.judge(environment)
    assert environment.process_exit_code == status
    assert ("FAILED    the report could not be written: disk full" in capsys.readouterr().out) is isinstance(
        error, OSError
    )
