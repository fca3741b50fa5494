"""Builds the routes that edit and share recordings, and the page that a share link opens."""

from gateway.assembly.backends import Backends
from gateway.media.caption_reader import CaptionReader
from gateway.media.fair_semaphore import FairSemaphore
from gateway.settings.load import Config
from gateway.web.access.authentication import Authenticator
from gateway.web.bota.edit_routes import EditRoutes
from gateway.web.bota.share_link_routes import ShareLinkRoutes
from gateway.web.links import Links
from gateway.web.pages.shared_page import SharedPage


def build_library(
    config: Config, backends: Backends, authenticator: Authenticator, links: Links, turns: FairSemaphore
) -> tuple[EditRoutes, ShareLinkRoutes, SharedPage]:
    """The routes, in the order of `Services`."""
    return (
        EditRoutes(authenticator, backends.catalog, backends.edits, CaptionReader(), turns),
        ShareLinkRoutes(authenticator, backends.share_links, links),
        SharedPage(
            backends.share_links,
            backends.catalog,
            backends.storages,
            backends.waveforms,
            links,
            turns=turns,
            embed_origins=config.sharing.embed_origins,
            media_sources=config.media_sources,
        ),
    )
