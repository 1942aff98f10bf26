"""ServiceNow incidents as Temporal activities."""

from .activities import servicenow_activities

__all__ = ["servicenow_activities"]
