"""A server that is told things by POST: what a recorder of invocations looks like from outside."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def posts_taken(take):
    """The server's URL. `take` gets the path and the body of each POST, and gives status and body of the answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            status, body = take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def with_json(take):
    """A `take` for :func:`posts_taken` of one that gets and gives data."""
    return lambda path, body: (200, json.dumps(take(path, json.loads(body))).encode())
