"""A queue behind a consumer that is as fast as a clock says, and the event source mapping between them, over HTTP."""

import json
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BATCH = 10
UUID = "0f9f3d35-6b0b-4a57-8c6a-2a2d0f7c6d11"
ARN = "arn:aws:sqs:us-east-1:123456789012:orders"
MAPPINGS = "/2015-03-31/event-source-mappings"


class ConsumedQueue(ThreadingHTTPServer):
    """Takes messages, and lets the consumer take `per_s` a second away while its mapping is enabled.

    `state` is the mapping's, None where there is none; `states` are those that it was asked to be in.
    """

    daemon_threads = True

    def __init__(self, *, per_s, state="Enabled", forbidden=()):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.per_s, self.state, self.forbidden = per_s, state, forbidden
        self.states, self.deepest, self.sent = [], 0, 0
        self._left, self._busy_until_s = 0, 0.0
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.queue_url = f"{self.url}/123456789012/orders"

    def put(self, messages):
        with self._lock:
            self._consume()
            if not self._left:
                self._busy_until_s = time.monotonic() + BATCH / self.per_s
            self._left += messages
            self.sent += messages
            self.deepest = max(self.deepest, self._left)

    def depth(self):
        """Messages that wait, and those in flight."""
        with self._lock:
            self._consume()
            in_flight = min(BATCH, self._left) if self.state == "Enabled" else 0
            return self._left - in_flight, in_flight

    def turn(self, enabled):
        with self._lock:
            self._consume()
            self.state = "Enabled" if enabled else "Disabled"
            self.states.append(self.state)
            self._busy_until_s = time.monotonic() + BATCH / self.per_s

    def _consume(self):
        """Everything that the consumer has done since, a batch at a time."""
        now_s = time.monotonic()
        while self._left and self.state == "Enabled" and self._busy_until_s <= now_s:
            self._left -= min(BATCH, self._left)
            self._busy_until_s += BATCH / self.per_s


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request, queue = json.loads(self._body()), self.server
        match self.headers["X-Amz-Target"]:
            case "AmazonSQS.SendMessageBatch":
                queue.put(len(request["Entries"]))
                entries = [{"Id": entry["Id"], "MessageId": "m"} for entry in request["Entries"]]
                self._answer(200, {"Successful": entries})
            case "AmazonSQS.GetQueueAttributes":
                visible, in_flight = queue.depth()
                attributes = {
                    "QueueArn": ARN,
                    "VisibilityTimeout": "30",
                    "ApproximateNumberOfMessages": str(visible),
                    "ApproximateNumberOfMessagesNotVisible": str(in_flight),
                    "ApproximateNumberOfMessagesDelayed": "0",
                }
                self._answer(200, {"Attributes": attributes})
            case other:
                self._answer(400, {"__type": "UnsupportedOperation", "message": f"there is no {other} here"})

    def do_GET(self):
        self._body()
        if self.path.startswith(f"{MAPPINGS}/{UUID}"):
            self._answer(200, self._mapping())
        elif self.path.startswith(MAPPINGS):
            self._answer(200, {"EventSourceMappings": [self._mapping()] if self.server.state else []})
        else:
            self._answer(404, {"Type": "User", "Message": "not here"}, code="ResourceNotFoundException")

    def do_PUT(self):
        enabled = json.loads(self._body())["Enabled"]
        if "PUT" in self.server.forbidden:
            self._answer(403, {"Type": "User", "Message": "not authorized"}, code="AccessDeniedException")
            return
        assert re.fullmatch(f"{MAPPINGS}/{UUID}/?", self.path)
        self.server.turn(enabled)
        self._answer(202, self._mapping())

    def _mapping(self):
        return {"UUID": UUID, "EventSourceArn": ARN, "State": self.server.state, "BatchSize": BATCH}

    def _body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status, value, *, code=None):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(text)))
        if code:
            self.send_header("x-amzn-ErrorType", code)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@contextmanager
def consumed_queue(**how):
    """The queue, as long as it is needed."""
    server = ConsumedQueue(**how)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
