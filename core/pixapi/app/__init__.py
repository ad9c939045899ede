"""Assembly only: settings in, a running gateway out."""

from pixapi.app.serve import run

__all__ = ["run"]
