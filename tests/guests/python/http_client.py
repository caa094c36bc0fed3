"""Requests over `wasi:http`, one at a time: `urllib.request` and its like need sockets, which a provider does not get."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from componentize_py_types import Err
from wit_world.imports import outgoing_handler
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import Fields, IncomingBody, OutgoingRequest, Scheme_Https

PIECE = 64 * 1024


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    """The names are in lower case."""
    body: bytes


def get(url: str) -> Response:
    """Raises `Err` if no whole response arrives."""
    parts = urlsplit(url)
    request = OutgoingRequest(Fields.from_list([]))
    request.set_scheme(Scheme_Https())
    request.set_authority(parts.netloc)
    request.set_path_with_query(f"{parts.path}?{parts.query}" if parts.query else parts.path)
    future = outgoing_handler.handle(request, None)
    with future.subscribe() as arrival:
        arrival.block()
    # `get` wraps its result in `Ok` the first time that it is called.
    result = future.get().value
    if isinstance(result, Err):
        raise result
    response = result.value
    headers = {name.lower(): value.decode("latin-1") for name, value in response.headers().entries()}
    return Response(response.status(), headers, read(response.consume()))


def read(body: IncomingBody) -> bytes:
    pieces = []
    with body, body.stream() as stream:
        while True:
            try:
                pieces.append(stream.blocking_read(PIECE))
            except Err as error:
                if isinstance(error.value, StreamError_Closed):
                    return b"".join(pieces)
                raise
