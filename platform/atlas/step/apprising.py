"""Sending one message through Apprise: plain text, to an address that nothing prints or logs."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 15.0
"""How long a service may take to accept a message."""
_TALKATIVE = ("apprise", "urllib3", "requests")
"""Loggers that would write addresses, which may hold tokens."""


def send(address: str, title: str, body: str, *, is_failure: bool) -> str:
    """Send a message to an address, or to several of one text; nothing is raised.

    Args:
        address: as Apprise takes it: ``slack://…``, ``mailto://…``, ``json://host``.
        title: one line.
        body: plain text.
        is_failure: whether the message is shown as that of a failure.

    Returns:
        Why it wasn't accepted, without the address; empty when it was.
    """
    try:
        with _silent():
            import apprise

            return _sent(apprise, address, title, body, is_failure)
    except ImportError:
        return "apprise isn't installed here; expected atlas-ml[notify]"
    except Exception as error:  # Whatever a service's plugin raises may quote the address.
        return f"Apprise ended with {type(error).__name__}"


def _sent(apprise: Any, address: str, title: str, body: str, is_failure: bool) -> str:
    memory = apprise.PersistentStoreMode.MEMORY
    asset = apprise.AppriseAsset(plugin_paths=[], storage_mode=memory, secure_logging=True)
    sender = apprise.Apprise(asset=asset)
    if not sender.add(address) or not len(sender):
        return "it holds no address that Apprise knows"
    kinds = apprise.NotifyType
    accepted = sender.notify(
        body=body,
        title=title,
        notify_type=kinds.FAILURE if is_failure else kinds.INFO,
        body_format=apprise.NotifyFormat.TEXT,
        interpret_escapes=False,
        timeout=SECONDS,
    )
    return "" if accepted else "the service didn't accept the message"


@contextmanager
def _silent() -> Iterator[None]:
    """Keep loggers and warnings quiet that would write the address."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    loggers += [
        logger
        for name, logger in logging.Logger.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and name.split(".")[0] in _TALKATIVE
    ]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was
