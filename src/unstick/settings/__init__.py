"""The settings of one context, as ``unstick.toml`` spells them: every field is a key of the file.

Spans are seconds here; the file writes them as ``"30s"``, ``"5m"``, ``"1h"`` or ``"250ms"``, and their keys without
``_s``. The text under a field is its line in the reference and in the file that ``unstick init`` writes; the bounds
in its type are those that the loader checks.
"""

from __future__ import annotations

from unstick.settings.actions import Actions, Guard, Own
from unstick.settings.beside import BESIDE, PROBE_COMMANDS, Dependency, Host, Log, Maintenance, Probe
from unstick.settings.context import Context
from unstick.settings.data import Crawler, Locks, Sync, TaskTable
from unstick.settings.limits import FLOORS, Intervals, Thresholds
from unstick.settings.screen import Alerts, Preset, Screen
from unstick.settings.servers import Postgres, RabbitMQ, Redis, Servers
from unstick.settings.workers import Automation, Celery, Dramatiq, Health, Holder

__all__ = [
    "BESIDE",
    "FLOORS",
    "PROBE_COMMANDS",
    "Actions",
    "Alerts",
    "Automation",
    "Celery",
    "Context",
    "Crawler",
    "Dependency",
    "Dramatiq",
    "Guard",
    "Health",
    "Holder",
    "Host",
    "Intervals",
    "Locks",
    "Log",
    "Maintenance",
    "Own",
    "Postgres",
    "Preset",
    "Probe",
    "RabbitMQ",
    "Redis",
    "Screen",
    "Servers",
    "Sync",
    "TaskTable",
    "Thresholds",
]
