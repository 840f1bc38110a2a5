"""A tab of ours in Locust's web UI, and the page that it shows: `/redrive`.

Of a tab that is added Locust draws a table, and asks for its rows only while users run. The queue drains after that,
and a backlog wants to be seen over time. So `tab.js`, which is added to Locust's page, puts our page in the table's
place; where it does not find its way about the page, the table stays, and `/redrive` works on its own. The extension
points are the same in Locust 2.32 and 2.47; `--web-base-path` came in 2.33.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, request

from ..observing.observation import live
from .live_view import figures, view

if TYPE_CHECKING:
    from locust.env import Environment

__all__ = ["PATH", "TAB_KEY", "TAB_TITLE", "install"]

PATH: Final = "redrive"
"""Where our page is, below Locust's own address."""
TAB_KEY: Final = "sqs"
TAB_TITLE: Final = "SQS"

_ASSETS: Final = {"live.css": "text/css", "live.js": "text/javascript", "tab.js": "text/javascript"}
_TEMPLATES: Final = Path(__file__).parents[1] / "templates"
_TABLE: Final = [{"key": "name", "title": "Figure"}, {"key": "value", "title": "Now"}]
_SCRIPT: Final = f'<script src="{PATH}/tab.js" defer></script>'
# Several pages may be open; each asks once a second.
_LOOK_FOR_S: Final = 0.5
# Whatever a message or an error says, this page runs no script but its own, and asks nobody but its own server.
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Snapshot = Callable[[], Mapping[str, Any]]
View = Callable[..., Response]


class _Looks:
    """The latest view of the run, made anew when the last one is old."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._at_s = -_LOOK_FOR_S
        self._seen: dict[str, Any] = {}

    def __call__(self) -> dict[str, Any]:
        now_s = time.monotonic()
        if not self._seen or now_s - self._at_s >= _LOOK_FOR_S:
            self._seen, self._at_s = view(self._snapshot()), now_s
        return self._seen


def install(environment: Environment, snapshot: Snapshot = live.snapshot) -> None:
    """Add tab and page to the web UI, if this process has one; once, however often it is called.

    `snapshot` tells the state of the run. The pages ask for a login where Locust's own do.
    """
    web_ui: Any = environment.web_ui
    if web_ui is None or PATH in web_ui.app.blueprints:
        return
    looks = _Looks(snapshot)
    _add_to(web_ui.template_args, "extended_tabs", {"title": TAB_TITLE, "key": TAB_KEY})
    _add_to(web_ui.template_args, "extended_tables", {"key": TAB_KEY, "structure": _TABLE})
    _add_to(web_ui.template_args, "extended_csv_files", {"href": f"./{PATH}", "title": "Watch the queue (SQS)"})
    # Registered last, called first: Flask goes from the last to the first.
    web_ui.app.after_request(lambda response: _extended(response, looks))
    web_ui.app.register_blueprint(_pages(web_ui, looks))


def _add_to(template_args: dict[str, Any], name: str, entry: dict[str, Any]) -> None:
    """Locust keeps what it does not know; somebody else's locustfile may have added to it too."""
    template_args[name] = [*template_args.get(name, ()), entry]


def _pages(web_ui: Any, looks: _Looks) -> Blueprint:
    # Locust before 2.33 has no blueprint, and no --web-base-path.
    locust = web_ui.app.blueprints.get("locust")
    base = (locust.url_prefix if locust is not None else None) or ""
    pages = Blueprint(PATH, __name__, url_prefix=f"{base.rstrip('/')}/{PATH}")
    protected: Callable[[View], View] = web_ui.auth_required_if_enabled

    @pages.route("")
    @protected
    def page() -> Response:
        return _answer((_TEMPLATES / "live.html").read_bytes(), "text/html")

    @pages.route("/live.json")
    @protected
    def live_json() -> Response:
        return _answer(json.dumps(looks(), allow_nan=False, separators=(",", ":")), "application/json")

    @pages.route("/<name>")
    @protected
    def asset(name: str) -> Response:
        if name not in _ASSETS:
            return Response("not found", status=404, mimetype="text/plain")
        return _answer((_TEMPLATES / name).read_bytes(), _ASSETS[name])

    return pages


def _answer(content: str | bytes, kind: str) -> Response:
    return Response(content, mimetype=kind, headers=_HEADERS)


def _extended(response: Response, looks: _Looks) -> Response:
    """Two of Locust's own answers with ours in them. One that leads to the login stays as it is."""
    if response.status_code == 200:
        # Locust's own pages were no blueprint's before 2.33.
        match (request.endpoint or "").removeprefix("locust."):
            case "index":
                text = response.get_data(as_text=True)
                if "</body>" in text and _SCRIPT not in text:
                    response.set_data(text.replace("</body>", f"{_SCRIPT}</body>", 1))
            case "request_stats":
                _add_rows(response, looks)
    return response


def _add_rows(response: Response, looks: _Looks) -> None:
    # Locust keeps this answer for two seconds and gives it again, with the rows of the time before.
    stats = response.get_json(silent=True)
    if isinstance(stats, dict):
        others = [table for table in stats.get("extended_stats", ()) if table.get("key") != TAB_KEY]
        stats["extended_stats"] = [*others, {"key": TAB_KEY, "data": figures(looks())}]
        response.set_data(json.dumps(stats))
