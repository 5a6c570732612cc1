"""When: entry name -> task, seconds between ticks, queue, seconds after which a waiting tick is worthless.

Data only. Every tick compares wanted with actual, so a missed tick, a double tick and a restart are all harmless.
"""

from datetime import timedelta
from typing import Any

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "hand waiting jobs to the broker": {
        "task": "jobs.dispatch",
        "schedule": timedelta(seconds=5),
        "options": {"queue": "control", "expires": 5},
    },
    "take jobs back from workers that vanished": {
        "task": "jobs.sweep",
        "schedule": timedelta(seconds=10),
        "options": {"queue": "control", "expires": 10},
    },
    "ask for backups that are due": {
        "task": "backup.schedule",
        "schedule": timedelta(seconds=30),
        "options": {"queue": "control", "expires": 30},
    },
    "hold drills that are due": {
        "task": "drill.schedule",
        "schedule": timedelta(seconds=60),
        "options": {"queue": "control", "expires": 60},
    },
    "queue copies that a region lacks": {
        "task": "replication.reconcile",
        "schedule": timedelta(seconds=15),
        "options": {"queue": "maintenance", "expires": 15},
    },
    "settle backups whose job ended without a commit": {
        "task": "backup.reconcile",
        "schedule": timedelta(seconds=60),
        "options": {"queue": "maintenance", "expires": 60},
    },
    "check every region once a day": {
        "task": "verification.nightly",
        "schedule": timedelta(hours=1),
        "options": {"queue": "maintenance", "expires": 3600},
    },
    "delete what no policy keeps once a day": {
        "task": "retention.nightly",
        "schedule": timedelta(hours=1),
        "options": {"queue": "maintenance", "expires": 3600},
    },
    "lock backups until their policy ends": {
        "task": "retention.locks",
        "schedule": timedelta(hours=1),
        "options": {"queue": "maintenance", "expires": 3600},
    },
    "look for garbage once a day": {
        "task": "collection.nightly",
        "schedule": timedelta(hours=1),
        "options": {"queue": "maintenance", "expires": 3600},
    },
    "check the audit log and keep its head once a day": {
        "task": "audit.keep",
        "schedule": timedelta(hours=1),
        "options": {"queue": "maintenance", "expires": 3600},
    },
    "forget logins that are over": {
        "task": "accounts.forget",
        "schedule": timedelta(hours=1),
        "options": {"queue": "maintenance", "expires": 3600},
    },
    "warn of service tokens that end soon": {
        "task": "tokens.warn",
        "schedule": timedelta(hours=1),
        "options": {"queue": "maintenance", "expires": 3600},
    },
    "remind of column keys whose period has ended": {
        "task": "keys.remind",
        "schedule": timedelta(hours=6),
        "options": {"queue": "control", "expires": 3600},
    },
    "wrap the installation's own keys under the key of every region": {
        "task": "keys.spread",
        "schedule": timedelta(hours=1),
        "options": {"queue": "control", "expires": 3600},
    },
    "delete snapshots that are retired or came to nothing": {
        "task": "cloud.reconcile",
        "schedule": timedelta(seconds=60),
        "options": {"queue": "maintenance", "expires": 60},
    },
    "look whether AWS holds every snapshot": {
        "task": "cloud.confirm",
        "schedule": timedelta(hours=1),
        "options": {"queue": "maintenance", "expires": 3600},
    },
    "look at zones and standbys of RDS": {
        "task": "cloud.watch",
        "schedule": timedelta(minutes=5),
        "options": {"queue": "maintenance", "expires": 300},
    },
    "look whether standbys follow": {
        "task": "standby.watch",
        "schedule": timedelta(seconds=30),
        "options": {"queue": "maintenance", "expires": 30},
    },
    "tell peers of the key provider that it lives": {
        "task": "keysync.heartbeat",
        "schedule": timedelta(seconds=10),
        "options": {"queue": "keysync", "expires": 10},
    },
    "keep the pools of keys full": {
        "task": "keysync.refill",
        "schedule": timedelta(seconds=30),
        "options": {"queue": "keyfill", "expires": 30},
    },
    "tell peers what the key provider can do": {
        "task": "keysync.capabilities",
        "schedule": timedelta(minutes=5),
        "options": {"queue": "keysync", "expires": 300},
    },
    "end keys whose time is over": {
        "task": "keysync.expire",
        "schedule": timedelta(seconds=60),
        "options": {"queue": "keysync", "expires": 60},
    },
}
