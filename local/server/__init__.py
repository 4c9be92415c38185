"""The server: its process, the HTTP handler, the gateway in front of moto, and the application."""

from local.server.process import LocalAws, environment, variables

__all__ = ["LocalAws", "environment", "variables"]
