"""The Celery configuration. The ledger is the truth and Celery the transport; each line says why it is as it is.

Read by `worker.app` under Celery's own names. The broker's address is not here: it comes from the settings.
"""

from kombu import Queue

from beat_schedule import BEAT_SCHEDULE
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.kinds import Queue as JobQueue

CONTROL_QUEUE = "control"
"""Ticks: short, urgent, and never behind a backup of six hours."""

include = ["tasks.backup", "tasks.jobs", "tasks.queues", "tasks.replication", "tasks.restore", "tasks.verification"]

# JSON only: a message that could run code when it is decoded would make the broker as powerful as a worker.
task_serializer = "json"
result_serializer = "json"
event_serializer = "json"
accept_content = ["json"]

# The ledger holds results. A result backend that is away would turn a job that is done into a failed one.
task_ignore_result = True
result_backend = None

# A worker that dies hands the message on at once; taking it twice is harmless, because only one can hold the lease.
task_acks_late = True
task_reject_on_worker_lost = True

# One message a process: a job that waits behind a long one in the same process could have been taken by another.
worker_prefetch_multiplier = 1

# Every queue is named, so that a worker can serve some of them: its profile says which.
task_queues = [Queue(name, routing_key=name) for name in (CONTROL_QUEUE, *JobQueue)]
# What has no route is a tick.
task_default_queue = CONTROL_QUEUE
# A misspelt queue is an error where the message is sent, not a queue that nobody serves.
task_create_missing_queues = False
# By kind of work, as the ledger says, so that a backup of six hours never stands before a restore or a tick.
task_routes = {kind.value: {"queue": kind.route.queue.value} for kind in JobKind} | {
    entry["task"]: {"queue": entry["options"]["queue"]} for entry in BEAT_SCHEDULE.values()
}

beat_schedule = BEAT_SCHEDULE
# Intervals only, so there is nothing to remember between two starts and no state file to lose.
beat_scheduler = "worker.beat:TickScheduler"
beat_max_loop_interval = 5

broker_transport_options = {
    # Longer than any slice of work. Until it is over Redis keeps what a killed worker held; the sweeper is faster.
    "visibility_timeout": 12 * 3600,
    # All ten priorities of the ledger, lowest number first, instead of Redis' four steps.
    "priority_steps": list(range(10)),
    # A half-open connection is noticed within seconds instead of never.
    "socket_timeout": 15,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "retry_on_timeout": True,
    # A message that cannot be sent is known at once: it is sent inside a transaction of the ledger, which on SQLite
    # keeps every other writer waiting. Workers and Beat connect again by settings of their own, below.
    "max_retries": 0,
}
broker_connection_timeout = 3
# Workers and Beat outlive a broker that is away, at the start and later.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# A publisher answers at once: a message that is not taken stays in the ledger and is handed over by the next tick.
task_publish_retry = False

# The lease turns a second copy of the message away, so the job that runs goes on while the broker restarts.
worker_cancel_long_running_tasks_on_connection_loss = False
# At the end of a process, running jobs get this long before they are given back to the ledger.
worker_soft_shutdown_timeout = 5.0
# Starting a pool process reads the settings and imports every capability, which takes seconds on a busy machine.
worker_proc_alive_timeout = 60.0

# Leak guards. Memory is in KiB and looked at after each job. A new process takes half a second in which its share of
# the work stands still, so short jobs must not use one up every few seconds.
worker_max_tasks_per_child = 5_000
worker_max_memory_per_child = 400_000

# Not used; looking at it costs a bucket lookup per message.
worker_disable_rate_limits = True

# What Flower shows. Arguments are ids, so its pages hold no secret.
worker_send_task_events = True
task_send_sent_event = True
# Events are for a page that is open now; nobody reads yesterday's.
event_queue_ttl = 30.0
event_queue_expires = 60.0

# One clock everywhere; people's time zones are for what people read.
enable_utc = True
timezone = "UTC"
