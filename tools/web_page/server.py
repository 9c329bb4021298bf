"""The server of the page: Gradio and the files of visits."""

from __future__ import annotations

import socket
from pathlib import Path
from types import FrameType
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse
from mmavs.web import Service
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send
from web_page.guard import Guard
from web_page.page import Page

_FOLDER = Path(__file__).parent
_GONE = PlainTextResponse(
    'No such file; the visit may have ended.', status_code=404
)


class VisitFile(FileResponse):
    """A file of a visit, which may be deleted while it is sent."""

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request."""
        try:
            await super().__call__(scope, receive, send)
        except RuntimeError:
            # Starlette reports a missing file before it sends anything.
            if Path(self.path).exists():
                raise
            await _GONE(scope, receive, send)


def build_app(service: Service) -> FastAPI:
    """Build the application.

    Args:
        service (Service): Does the work.

    Returns:
        FastAPI: The application.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get('/visit/{token}/{name}', response_model=None)
    def file_of_visit(token: str, name: str) -> Response:
        path = service.visits.file(token, name)
        if path is None:
            return _GONE
        return VisitFile(path, headers={'Cache-Control': 'no-store'})

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
    app.add_middleware(Guard, uploads=service.visits.uploads)
    return app


class Server(uvicorn.Server):
    """A server that ends the connections of open pages when it is stopped."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; Gradio's streams to browsers would never end by themselves.

        Args:
            sig (int): The signal.
            frame (FrameType | None): Where it arrived.
        """
        app = self.config.app
        assert isinstance(app, FastAPI)
        mounted: list[Any] = [
            route.app for route in app.routes if isinstance(route, Mount)
        ]
        mounted[0].stop_event.set()
        super().handle_exit(sig, frame)


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
    Server(config).run(sockets=[listener])
