"""The app: every route, on Litestar, behind the front."""

from collections.abc import Iterable
from typing import Any, NoReturn, cast

from litestar import HttpMethod, Litestar, Request
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.utils.path import normalize_path

from egizcore.rest import bulk, features, history, ingest, listing, pages, status, things
from egizcore.rest.accept import accepts
from egizcore.rest.answer import Reply
from egizcore.rest.call import Call, Route
from egizcore.rest.front import Front
from egizcore.rest.parameters import read_parameters
from egizcore.rest.parts import AsgiApp, Receive, RestParts, Scope
from egizcore.rest.problem import Refused


def build(parts: RestParts) -> AsgiApp:
    """The ASGI application of all that REST answers."""
    router = Litestar(
        route_handlers=[_handler(route) for route in routes(parts)],
        openapi_config=None,  # the document is our own: openapi.py
        logging_config=None,
        exception_handlers={Exception: _pass_on},
        pdb_on_exception=False,
    )
    return Front(cast("AsgiApp", router), parts, lambda path: _allowed(router, path))


def routes(parts: RestParts) -> Iterable[Route]:
    """Every route, static pages among them."""
    yield from listing.routes(parts)
    yield from bulk.routes(parts)
    yield from things.routes(parts)
    yield from features.routes(parts)
    yield from history.routes(parts)
    yield from ingest.routes(parts)
    yield from status.routes(parts)
    yield from pages.routes({**parts.pages, **pages.docs()})


def _handler(route: Route) -> HTTPRouteHandler:
    """*route* as Litestar has it: what can be checked before its handler is, in this order."""

    async def answer(request: Request[Any, Any, Any]) -> Reply:
        scope = cast("Scope", request.scope)
        parameters = read_parameters(scope["query_string"], route.query, route.repeatable)
        call = Call(scope, cast("Receive", request.receive), scope["path_params"], parameters)
        accept = call.header(b"accept")
        if accept is not None and route.media and not accepts(accept, route.media):
            raise Refused("not_acceptable", f"The answer would be {route.media}.")
        if route.takes:
            call.check_media(route.takes)
        return await route.handle(call)

    return HTTPRouteHandler(route.path, http_method=HttpMethod(route.method), status_code=200)(
        answer
    )


def _pass_on(_request: Request[Any, Any, Any], error: Exception) -> NoReturn:
    """Errors are answered in one place, which is not Litestar's: the front."""
    raise error


def _allowed(router: Litestar, path: str) -> list[str]:
    """The methods that *path* takes; none: there is nothing."""
    try:
        router.asgi_router.handle_routing(path=normalize_path(path), method="TRACE")
    except MethodNotAllowedException as error:
        return (error.headers or {}).get("allow", "").split(", ")
    except NotFoundException:
        pass
    return []
