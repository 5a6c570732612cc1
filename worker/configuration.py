"""The Celery configuration. The ledger is the truth and Celery the transport; each line says why it is as it is.

Read by `worker.app` under Celery's own names. What depends on the broker is in `worker.broker`, what an installation
may choose is in the settings; `worker.app` adds both.
"""

from beat_schedule import BEAT_SCHEDULE
from strongroom.jobs.kinds import JobKind
from worker.broker import CONNECT_SECONDS, CONTROL_QUEUE

include = [
    "tasks.accounts",
    "tasks.audit",
    "tasks.backup",
    "tasks.collection",
    "tasks.drills",
    "tasks.jobs",
    "tasks.keys",
    "tasks.keysync",
    "tasks.queues",
    "tasks.repair",
    "tasks.replication",
    "tasks.restore",
    "tasks.retention",
    "tasks.reencryption",
    "tasks.rotation",
    "tasks.cloud",
    "tasks.standby",
    "tasks.extension",
    "tasks.tokens",
    "tasks.verification",
]

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

worker_consumer = "worker.consumer:JobConsumer"

# One message a process: a job that waits behind a long one in the same process could have been taken by another.
worker_prefetch_multiplier = 1

# What has no route is a tick.
task_default_queue = CONTROL_QUEUE
# A misspelt queue is an error where the message is sent, not a queue that nobody serves.
task_create_missing_queues = False
# By kind of work, as the ledger says, so that a backup of six hours never stands before a restore or a tick.
task_routes = {kind.value: {"queue": kind.route.queue.value} for kind in JobKind} | {
    entry["task"]: {"queue": entry["options"]["queue"]} for entry in BEAT_SCHEDULE.values()
}

# Intervals only, so there is nothing to remember between two starts and no state file to lose.
beat_scheduler = "worker.beat:TickScheduler"
beat_max_loop_interval = 5

broker_connection_timeout = CONNECT_SECONDS
# RabbitMQ only: a connection that died without a word is noticed after two of these.
broker_heartbeat = 10
# RabbitMQ closes a channel to take a message back; the worker connects again and the job goes on.
broker_channel_error_retry = True
# Workers and Beat outlive a broker that is away, at the start and later.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# A publisher answers at once: a message that is not taken stays in the ledger and is handed over by the next tick.
task_publish_retry = False

# The lease turns a second copy of the message away, so the job that runs goes on while the broker restarts.
worker_cancel_long_running_tasks_on_connection_loss = False
# `worker.stopping` gives jobs their time to end; when Celery itself begins to end, that time is over.
worker_soft_shutdown_timeout = 0.0
# Starting a pool process reads the settings and imports every capability, which takes seconds on a busy machine.
worker_proc_alive_timeout = 60.0

# Leak guards. Memory is in KiB and looked at after each job. A new process takes half a second in which its share of
# the work stands still, so short jobs must not use one up every few seconds.
worker_max_tasks_per_child = 5_000
worker_max_memory_per_child = 400_000

# Not used; looking at it costs a bucket lookup per message.
worker_disable_rate_limits = True

# What Flower shows. Arguments are ids, so its pages hold no secret.
task_send_sent_event = True
# Events are for a page that is open now; nobody reads yesterday's.
event_queue_ttl = 30.0
event_queue_expires = 60.0

# One clock everywhere; people's time zones are for what people read.
enable_utc = True
timezone = "UTC"
