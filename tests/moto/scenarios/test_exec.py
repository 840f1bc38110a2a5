"""``redrive verify --exec``: a handler that is not Python's, through the whole catalogue."""

import json
import shutil
import textwrap

import pytest

from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.cli import main

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not on PATH; the bootstrap is JavaScript"),
]

BOOTSTRAP = """
    const http = require("http");
    const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
    const call = (method, path, body) => new Promise((resolve, reject) => {
      const request = http.request({ host, port, method, path: "/2018-06-01/runtime" + path }, (response) => {
        let text = "";
        response.on("data", (data) => { text += data; });
        response.on("end", () => resolve([response, text]));
      });
      request.on("error", reject);
      request.end(body);
    });
    const isOrder = (body) => {
      try {
        const order = JSON.parse(body);
        return typeof order === "object" && order !== null && typeof order.id === "string" && order.id !== "";
      } catch {
        return false;
      }
    };
    (async () => {
      for (;;) {
        const [response, text] = await call("GET", "/invocation/next");
        const failed = JSON.parse(text).Records.filter((record) => !isOrder(record.body));
        const answer = { batchItemFailures: failed.map((record) => ({ itemIdentifier: record.IDENTIFIER })) };
        const id = response.headers["lambda-runtime-aws-request-id"];
        await call("POST", `/invocation/${id}/response`, JSON.stringify(answer));
      }
    })();
"""


@pytest.fixture
def verify(tmp_path, monkeypatch):
    """Runs the command on the bootstrap; its exit status and what it wrote."""
    monkeypatch.chdir(tmp_path)

    def run(*words, identifier="messageId"):
        (tmp_path / "bootstrap.js").write_text(textwrap.dedent(BOOTSTRAP).replace("IDENTIFIER", identifier))
        words = ("verify", "--exec", "node bootstrap.js", "--json", "report.json", *words)
        with pytest.raises(SystemExit) as ended:
            main([*words, "--jobs", "8"])
        return ended.value.code, json.loads((tmp_path / "report.json").read_text())

    return run


def test_right_one_holds_through_the_whole_catalogue(verify):
    status, report = verify("--examples", "1")
    assert status == 0
    verdicts = {scenario["name"]: scenario["verdict"] for scenario in report["scenarios"]}
    assert verdicts.keys() == CATALOGUE.keys()
    assert set(verdicts.values()) == {"holds", "skipped"}
    assert report["totals"]["holds"] >= 20
    reasons = {scenario["reason"] for scenario in report["scenarios"] if scenario["verdict"] == "skipped"}
    assert "the runtime or the environment has no virtual time" in reasons
    assert report["runtime"] == "process"


def test_wrong_one_is_found_and_can_be_replayed(verify):
    status, report = verify("--scenario", "unparsable-body", "--examples", "1", identifier="receiptHandle")
    assert status == 1
    (scenario,) = report["scenarios"]
    broken = {violation["invariant"]: violation for violation in scenario["violations"]}
    assert "response-valid" in broken
    assert broken["response-valid"]["replay"] == (
        "redrive verify --exec 'node bootstrap.js' --scenario unparsable-body --seed 0 --examples 1"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--exec", "./no-such-bootstrap"], "'./no-such-bootstrap' cannot be started: No such file or directory"),
        (["--url", "http://127.0.0.1:9"], "nobody answers at http://127.0.0.1:9/"),
        (["--exec", "x", "--url", "http://127.0.0.1:9"], "--exec starts the handler and --url says where it is"),
        (["--runtime", "http"], "--runtime http needs --url"),
        (["--runtime", "in-process", "--exec", "x"], "--exec runs the handler in a process"),
    ],
)
def test_what_cannot_be_run_is_one_line(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["verify", *words, "--scenario", "happy-path"])
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"redrive: {said}")
