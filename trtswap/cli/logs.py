"""Log lines on stderr that do not break a progress bar."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.logging import RichHandler

LOGGER_NAME = "trtswap"


def level_of(*, quiet: bool, verbosity: int) -> int:
    """Errors with --quiet, else warnings; -v adds what happens, -vv the details."""
    if quiet:
        return logging.ERROR
    return (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbosity, 2)]


@contextmanager
def logging_to(console: Console, level: int) -> Iterator[None]:
    """Within, the package's log goes to `console`, the one that draws the bar."""
    logger = logging.getLogger(LOGGER_NAME)
    handler = _handler(console)
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def _handler(console: Console) -> logging.Handler:
    if console.is_terminal:
        return RichHandler(console=console, show_path=False, markup=False)
    handler = logging.StreamHandler(console.file)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    return handler
