"""Stand-ins for LocalStack: an environment whose interpreter runs a script of the test's instead."""

import os
import sys
import textwrap

import pytest

from redrive.infra.localstack import server as server_module

# Answers as LocalStack does when it is asked for its health.
ANSWERING = """
import http.server, json, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answers = {"/_localstack/health": {"services": {}, "version": "4.13.1"}, **PLUGIN}
        known = self.path in answers
        body = json.dumps(answers.get(self.path)).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

print("it has started", flush=True)
host, port = os.environ["GATEWAY_LISTEN"].split(":")
http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Has a script run in LocalStack's place; by default one that answers, with the plugin's route if wanted."""

    def install(script=None, *, plugin=False):
        if script is None:
            script = ANSWERING.replace("PLUGIN", '{"/_redrive/plugin": {}}' if plugin else "{}")
        folder = tmp_path / "environment"
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "filesystem" / "usr").mkdir(parents=True, exist_ok=True)
        code = folder / "script.py"
        code.write_text(textwrap.dedent(script))
        python = folder / "bin" / "python"
        # It is started as `python -m localstack.runtime.main`.
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{code}" "$@"\n')
        python.chmod(0o755)
        monkeypatch.setattr(server_module, "localstack_python", lambda progress: python)
        monkeypatch.setattr(server_module, "function_python", lambda progress: python)

    for name in [name for name in os.environ if name in server_module.ENDPOINT_VARIABLES]:
        monkeypatch.delenv(name)
    return install
