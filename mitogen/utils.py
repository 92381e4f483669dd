"""The documented import path of conveniences for programs."""

from mitogen.controller.program import (
    cast,
    disable_site_packages,
    log_to_file,
    run_with_router,
    setup_gil,
    with_router,
)

__all__ = [
    "cast",
    "disable_site_packages",
    "log_to_file",
    "run_with_router",
    "setup_gil",
    "with_router",
]
