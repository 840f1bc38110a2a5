"""Where deployed functions ask what to do: an HTTP server on 127.0.0.1, for as long as a measurement takes."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from .mapping import Crash, Doing, Invoked, Raise, Return

__all__ = ["Script", "ScriptServer", "doing_as_json"]

_BODY_BYTES_MAX: Final = 16 * 1024 * 1024


def doing_as_json(doing: Doing) -> dict[str, Any]:
    """What the function is told."""
    match doing:
        case Return(value, after_s):
            return {"do": "return", "value": value, "after_s": after_s}
        case Raise(message):
            return {"do": "raise", "message": message}
        case Crash():
            return {"do": "crash"}


class Script:
    """One function's part: what it was given, and what it is told. Called from the threads of its server."""

    def __init__(self, script: Callable[[Invoked], Doing]) -> None:
        self.invocations: list[Invoked] = []
        self._script = script
        self._began_s = time.monotonic()
        self._lock = threading.Lock()

    def starts(self) -> None:
        """Times count from now."""
        self._began_s = time.monotonic()

    def began(self, said: dict[str, Any]) -> dict[str, Any]:
        """An invocation has begun; what it is to do."""
        with self._lock:
            invoked = Invoked(
                number=len(self.invocations),
                began_s=time.monotonic() - self._began_s,
                environment=said["environment"],
                event=said["event"],
            )
            self.invocations.append(invoked)
            return {**doing_as_json(self._script(invoked)), "number": invoked.number}

    def ended(self, said: dict[str, Any]) -> dict[str, Any]:
        """An invocation is about to return."""
        self.invocations[said["number"]].ended_s = time.monotonic() - self._began_s
        return {}


class ScriptServer:
    """Serves scripts, each at a URL of its own."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="script-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def serving(self, name: str, script: Callable[[Invoked], Doing]) -> Iterator[tuple[str, Script]]:
        """Serve this script; its URL, and what comes of it."""
        served = Script(script)
        self._scripts[name] = served
        try:
            yield f"http://127.0.0.1:{self._server.server_port}/{name}", served
        finally:
            del self._scripts[name]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        scripts = self._scripts

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                _, name, what = (*self.path.split("/"), "", "")[:3]
                script = scripts.get(name)
                length = int(self.headers.get("Content-Length", 0))
                if script is None or what not in {"began", "ended"} or length > _BODY_BYTES_MAX:
                    self.send_error(404)
                    return
                said = json.loads(self.rfile.read(length))
                body = json.dumps(script.began(said) if what == "began" else script.ended(said)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                """What is asked is nobody's business."""

        return Handler
