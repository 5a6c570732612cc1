"""Every metric there is: name, labels and help. docs/metrics.md says the same, and a test compares them."""

from strongroom.metrics.definition import Definition, counter, gauge, histogram

UP = gauge("up", "1 where the catalog answered this scrape, 0 where only what the process itself knows is here.")
SCRAPE_SECONDS = gauge("scrape_duration_seconds", "How long the catalog took to answer this scrape.")
SCRAPE_ERRORS = counter("scrape_errors_total", "Scrapes that the catalog did not answer.")
BUILD = gauge("build_info", "1; the version of Strongroom that answers.", "version")

LAST_SUCCESS = gauge(
    "backup_last_success_timestamp_seconds",
    "When the newest backup began that this region holds whole: what came later would be lost.",
    "source", "type", "policy", "region",
)  # fmt: skip
RPO = gauge("backup_rpo_seconds", "How old the newest protected backup may be, as promised in the settings.", "source")
RTO = gauge("restore_rto_seconds", "How long a restore may take, as promised in the settings.", "source")
RUNS = counter("backup_runs_total", "Backups that came to an end, by how they ended.", "source", "type", "outcome")
DURATION = histogram(
    "backup_duration_seconds", "How long committed backups took, from their first step on.", "source", "type"
)
SIZE = gauge("backup_size_bytes", "What the source held when its newest backup was made.", "source", "type")
STORED = gauge(
    "backup_stored_bytes", "What the newest backup of the source added to its home region.", "source", "type"
)
RESTORABLE = gauge("backups", "Backups of the source that can be restored.", "source")

REPLICA_LAG = gauge(
    "replica_lag_seconds", "Age of the oldest backup that the region should hold and does not; 0 for none.", "region"
)
REPLICA_MISSING = gauge(
    "replica_missing_objects", "Objects of the backups that the region should hold and does not hold whole.", "region"
)
REGION_BYTES = gauge("region_stored_bytes", "Bytes of the backups that the region holds whole.", "region")
REGION_DAMAGED = gauge("region_damaged_backups", "Backups that the region holds damaged.", "region")
REGION_UP = gauge("region_up", "1 where the region answered and could be relied on when it was looked at.", "region")
REGION_CHECKED = gauge("region_last_check_timestamp_seconds", "When the region was looked at last.", "region")
REGION_VERIFIED = gauge(
    "region_verification_last_success_timestamp_seconds",
    "When a check of everything in the region, of this depth, last found all well.",
    "region", "level",
)  # fmt: skip
REGION_UNREAD = gauge(
    "region_unread_packs", "Packs in the region that were not read back for longer than the settings allow.", "region"
)
REGION_FREE = gauge(
    "region_free_bytes", "Free space where the region is a directory that this process can see.", "region"
)

DRILL_SUCCESS = gauge(
    "restore_drill_last_success_timestamp_seconds", "When a restore drill of the source last passed.", "source"
)
DRILL_SECONDS = gauge(
    "restore_drill_duration_seconds", "How long the restore took in the drill that passed last.", "source"
)
DRILL_FAILING = gauge(
    "restore_drill_failing", "1 where the last drill of the source that came to an end did not pass.", "source"
)

JOBS_QUEUED = gauge("jobs_queued", "Jobs that wait in the queue.", "queue")
JOBS_RUNNING = gauge("jobs_running", "Jobs of the queue that run now.", "queue")
JOB_OLDEST = gauge(
    "job_oldest_age_seconds", "For how long the job has been due that waits longest; 0 for none.", "queue"
)
JOB_RETRIES = counter("job_retries_total", "Attempts at jobs of the queue after the first of each.", "queue")
QUEUE_PAUSED = gauge("queue_paused", "1 where the queue is paused.", "queue")
WORKERS_UP = gauge(
    "workers_up", "Workers that take jobs of the queue and gave a sign of life within a minute.", "queue"
)
PROCESSES_UP = gauge("processes_up", "Processes of this kind that gave a sign of life within a minute.", "kind")
BEAT_TICK = gauge("beat_last_tick_timestamp_seconds", "When a tick of Beat last came through the broker to a worker.")

ROWS_REMAINING = gauge(
    "reencrypt_rows_remaining",
    "Rows that the open re-encryption of the column has yet to look at; 0 for none.",
    "column",
)
VERSION_ROWS = gauge(
    "key_version_rows", "Rows of the column under this key version, as counted last.", "column", "version"
)

DELETED_BYTES = counter(
    "retention_deleted_bytes_total", "Bytes that expired backups had added to their home region.", "policy"
)
BLOCKED = counter(
    "retention_blocked_total", "Backups that a run of retention kept only because something was in its way.", "policy"
)

PEER_UP = gauge("sync_peer_up", "1 where the peer is online.", "peer")
PEER_RTT = gauge("sync_heartbeat_rtt_seconds", "How long the peer's last answer to a heartbeat took.", "peer")
PEER_KEYS = counter("sync_keys_total", "Keys of ours that the peer confirmed, and of its that were kept here.", "peer")
PEER_ERRORS = counter(
    "sync_errors_total", "Heartbeats and messages with keys that the peer did not answer well.", "peer"
)
PEER_UNSPENT = gauge("sync_unspent_keys", "Keys shared with the peer that can still be given.", "peer", "origin")

SESSIONS = gauge("sessions_active", "One-time sessions that wait for their use.")
SESSIONS_REFUSED = counter("sessions_refused_total", "One-time sessions that were not made, as there were too many.")
AUTH = counter(
    "auth_attempts_total",
    "Passwords and codes of operators that were looked at, or refused unseen.",
    "outcome",
    "factor",
)

ALERTS = gauge("alerts_open", "Alerts that are not resolved.", "severity")
DELIVERIES = counter("alert_deliveries_total", "Attempts to send a message, by how they ended.", "channel", "outcome")
DELIVERY_LAG = histogram(
    "alert_delivery_lag_seconds",
    "How long it took from when there was something to say until the channel took the message.",
    "channel",
)
OLDEST_MESSAGE = gauge(
    "alert_message_oldest_age_seconds",
    "Age of the oldest message that waits to be taken by the channel; 0 for none.",
    "channel",
)

STANDBY_UP = gauge(
    "standby_up", "1 where the standby of PostgreSQL followed its primary when it was looked at.", "standby"
)
STANDBY_LAG = gauge("standby_lag_seconds", "How far the standby was behind.", "standby")
CATALOG_BYTES = gauge("catalog_size_bytes", "Size of the catalog's database.")

HTTP_REQUESTS = counter("http_requests_total", "Requests that were answered.", "route", "method", "code")
HTTP_SECONDS = histogram(
    "http_request_duration_seconds", "How long it took until the answer began.", "route", "method", "code"
)

SELF = (UP, SCRAPE_SECONDS, SCRAPE_ERRORS, BUILD)
"""What is known without the catalog."""

CATALOG = (
    LAST_SUCCESS, RPO, RTO, RUNS, DURATION, SIZE, STORED, RESTORABLE,
    REPLICA_LAG, REPLICA_MISSING, REGION_BYTES, REGION_DAMAGED, REGION_UP, REGION_CHECKED, REGION_VERIFIED,
    REGION_UNREAD, REGION_FREE, DRILL_SUCCESS, DRILL_SECONDS, DRILL_FAILING,
    JOBS_QUEUED, JOBS_RUNNING, JOB_OLDEST, JOB_RETRIES, QUEUE_PAUSED, WORKERS_UP, PROCESSES_UP, BEAT_TICK,
    ROWS_REMAINING, VERSION_ROWS, DELETED_BYTES, BLOCKED,
    PEER_UP, PEER_RTT, PEER_KEYS, PEER_ERRORS, PEER_UNSPENT, AUTH,
    ALERTS, DELIVERIES, DELIVERY_LAG, OLDEST_MESSAGE, STANDBY_UP, STANDBY_LAG, CATALOG_BYTES,
)  # fmt: skip

METRICS: tuple[Definition, ...] = (*SELF, *CATALOG, SESSIONS, SESSIONS_REFUSED, HTTP_REQUESTS, HTTP_SECONDS)
