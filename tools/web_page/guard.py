"""Refuses requests that the page does not need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The browser loads nothing from other servers, whatever a page names.
_HEADERS = {
    'Content-Security-Policy': (
        "default-src 'self' blob: data:; "
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
    ),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
}
_API = '/gradio_api'
#: Where Gradio takes the values of components.
_VALUES = (f'{_API}/queue/join', f'{_API}/run/predict')
#: The only addresses to which the page sends data.
_POSTS = (*_VALUES, f'{_API}/upload', f'{_API}/cancel', f'{_API}/reset')
#: Addresses at which Gradio fetches or redirects to other servers.
_CLOSED = (f'{_API}/file=http', f'{_API}/proxy=', '/proxy=')
_MAX_BYTES_OF_VALUES = 10**6


class Guard:
    """Refuses requests, and adds headers to all responses.

    A browser tells Gradio by its path on the server which file it has
    uploaded, so a forged request could name any other file. Gradio 6 does not
    check this in an application that is mounted (``has_launched``), and
    downloads what is named by a URL.

    Args:
        app (ASGIApp): The application.
        uploads (Path): Folder of the uploads of all visitors.
    """

    def __init__(self, app: ASGIApp, uploads: Path) -> None:
        self._app = app
        self._uploads = uploads.resolve()

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request."""
        if scope['type'] != 'http':
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message['type'] == 'http.response.start':
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        app, path = self._app, scope['path'].rstrip('/')
        is_post = scope['method'] not in ('GET', 'HEAD')
        if path.startswith(_CLOSED) or (is_post and path not in _POSTS):
            app = PlainTextResponse('Not found', status_code=404)
        elif is_post and path in _VALUES:
            body = await _read(receive)
            if not self._permits(body):
                app = PlainTextResponse('Not an upload', status_code=403)
            receive = _replay(body, receive)
        await app(scope, receive, send_with_headers)

    def _permits(self, body: bytes) -> bool:
        """Whether every file that a request names is an upload."""
        try:
            content = json.loads(body)
        except ValueError:
            return False
        return all(
            isinstance(path, str)
            and Path(path).resolve().is_relative_to(self._uploads)
            for path in _paths(content)
        )


def _paths(content: Any) -> list[Any]:
    """Collect the paths of files in the values of components."""
    if isinstance(content, list):
        return [path for value in content for path in _paths(value)]
    if not isinstance(content, dict):
        return []
    own = [content['path']] if 'path' in content else []
    return own + _paths(list(content.values()))


async def _read(receive: Receive) -> bytes:
    """Read a body; one that is too long is cut off, so it is no JSON."""
    body, more = b'', True
    while more and len(body) <= _MAX_BYTES_OF_VALUES:
        message = await receive()
        body += message.get('body', b'')
        more = message.get('more_body', False)
    return body[:_MAX_BYTES_OF_VALUES]


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read to the application."""
    messages = [dict(type='http.request', body=body, more_body=False)]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
