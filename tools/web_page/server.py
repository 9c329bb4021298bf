"""The server of the page: Gradio, the files of visits, and what it refuses."""

from __future__ import annotations

import socket
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from mmavs.web import Service
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from web_page.page import Page

_FOLDER = Path(__file__).parent
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
#: Parts of Gradio that fetch or redirect to other addresses.
_CLOSED = ('/gradio_api/file=http', '/gradio_api/proxy=', '/proxy=')


class Guard:
    """Closes what the page does not need, and adds headers to responses.

    Args:
        app (ASGIApp): The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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

        app = self._app
        if scope['path'].startswith(_CLOSED):
            app = PlainTextResponse('Not found', status_code=404)
        await app(scope, receive, send_with_headers)


def build_app(service: Service) -> FastAPI:
    """Build the application.

    Args:
        service (Service): Does the work.

    Returns:
        FastAPI: The application.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get('/visit/{token}/{name}')
    def file_of_visit(token: str, name: str) -> FileResponse:
        path = service.visits.file(token, name)
        if path is None:
            raise HTTPException(404, 'No such file; the visit may have ended.')
        return FileResponse(path, headers={'Cache-Control': 'no-store'})

    system = ['system-ui', 'sans-serif']
    script = (_FOLDER / 'page.js').read_text(encoding='utf-8')
    app = gr.mount_gradio_app(
        app,
        Page(service).blocks,
        path='/',
        theme=gr.themes.Base(
            primary_hue='blue', font=system, font_mono=['monospace']
        ),
        css_paths=_FOLDER / 'page.css',
        head=f'<script>{script}</script>',
        max_file_size=service.limits.num_bytes,
        show_error=False,
        footer_links=[],
        ssr_mode=False,
    )
    app.add_middleware(Guard)
    return app


def serve(service: Service, *, host: str, port: int) -> None:
    """Run the server until it is stopped.

    Args:
        service (Service): Does the work.
        host (str): Address to bind to.
        port (int): Port; 0 chooses a free one.

    Raises:
        OSError: If the address cannot be bound.
    """
    app = build_app(service)
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise OSError(
            f'{host}:{port}: expected an address on which this program can '
            f'listen, got {error.strerror!r}; choose another --port or --host.'
        ) from error
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        app, log_level='warning', timeout_graceful_shutdown=2
    )
    print(f'Open http://{host}:{port} (stop with Ctrl-C)', flush=True)
    uvicorn.Server(config).run(sockets=[listener])
