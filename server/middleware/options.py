"""What `DrainMiddleware` may be told: keyword arguments, or environment variables with the prefix `EBB_`.

Owns nothing but the list; names, defaults and bounds are those of the server's own settings.
"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ..settings import DrainSettings


class Options(DrainSettings):
    """The settings of a drain, and the paths that are answered where the application has nothing there."""

    model_config = SettingsConfigDict(env_prefix="EBB_", frozen=True)

    ready_path: str | None = Field("/ready", pattern="^/", description="a path for readiness, None for no answer")
    health_path: str | None = Field("/health", pattern="^/", description="a path for liveness, None for no answer")
    metrics: bool = Field(False, description="true: prometheus_client's default registry has the drain's numbers")
