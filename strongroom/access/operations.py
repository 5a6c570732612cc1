"""The one table of every operation: routes, step-up verbs and commands. What is not in it is refused."""

from collections.abc import Mapping

from strongroom.access.building import change, destroy, guarded, own, public, read, run
from strongroom.access.commands import COMMANDS
from strongroom.access.operation import Gravity, Operation, SourceIn
from strongroom.access.principals import Role

PUBLIC = (
    public("GET /health/live", "Says one word; load balancers carry no token."),
    public("GET /health/ready", "Says which parts work and nothing of them; load balancers carry no token."),
    public("GET /health/startup", "Says one word; who starts containers carries no token."),
    public("GET /auth/validate-session", "Whoever holds the id of a one-time session may use it, once."),
    public("POST /auth/validate-session", "Whoever holds the id of a one-time session may use it, once."),
    public("GET /auth/redis-health", "Says whether Redis answers; load balancers carry no token."),
    public("GET /client/iframe.html", "Opened once by a one-time session; a browser carries no token."),
    public("GET /client/board.json", "Wants the cookie that opening the page gave to the browser."),
    public("GET /client/board.css", "How the page looks, the same for everybody."),
    public("GET /client/board.js", "What the page does, the same for everybody."),
    public("POST /api/v1/auth/login", "Who logs in shows a password; failures are counted."),
    public("POST /api/v1/auth/login/mfa-verify", "Who logs in shows a code and what the password gave."),
    public("POST /api/v1/auth/refresh", "The refresh token in the body says who asks."),
)

OWN = (
    own("POST /api/v1/auth/logout"),
    own("POST /api/v1/auth/logout-others"),
    own("POST /api/v1/auth/mfa/enable", enrolling=True),
    own("POST /api/v1/auth/mfa/confirm", enrolling=True),
    own("GET /api/v1/auth/mfa/status", enrolling=True),
    # Each of these takes a code of its own.
    own("POST /api/v1/auth/mfa/disable"),
    own("POST /api/v1/auth/mfa/verify"),
    own("POST /api/v1/auth/mfa/backup-codes/regenerate"),
)
"""What operators do with their own session and factor."""

# The factors they ask for are checked inside; no service token may.
STEP_UPS = (
    Operation("GET /v1/step-up/challenges", Role.OPERATOR, None, Gravity.READ),
    Operation("POST /v1/step-up/challenges", Role.OPERATOR, None, Gravity.READ),
    Operation("POST /v1/step-up/challenges/{challenge}/confirm", Role.OPERATOR, None, Gravity.READ),
    Operation("POST /v1/step-up/challenges/{challenge}/approve", Role.OPERATOR, None, Gravity.READ),
    Operation("POST /v1/step-up/challenges/{challenge}/cancel", Role.OPERATOR, None, Gravity.READ),
)

ROUTES = (
    *STEP_UPS,
    *OWN,
    read("GET /openapi.json", "description"),
    read("GET /v1/status", "status"),
    read("GET /metrics", "metrics"),
    read("POST /auth/create-session", "sessions"),
    read("GET /auth/session-status", "sessions"),
    read("GET /v1/sources", "sources"),
    read("GET /v1/schedules", "schedules"),
    read("GET /v1/standbys", "standbys"),
    read("GET /v1/backups", "backup", source_in=SourceIn.QUERY),
    read("GET /v1/backups/{backup_id}", "backup", source_in=SourceIn.BACKUP),
    run("POST /v1/backups", "backup", source_in=SourceIn.BODY),
    run("POST /v1/batches", "batches", source_in=SourceIn.ITEMS),
    run("POST /v1/probes", "probes"),
    read("GET /v1/restores", "restore"),
    read("GET /v1/restores/{restore_id}", "restore"),
    run("POST /v1/restores/plan", "restore"),
    # Into an empty target; over live data it is restore.overwrite.
    change("POST /v1/restores", "restore"),
    read("GET /v1/verifications", "verify"),
    read("GET /v1/verifications/{verification_id}", "verify"),
    run("POST /v1/verifications", "verify"),
    read("GET /v1/region-verifications", "verify"),
    read("GET /v1/region-verifications/{verification_id}", "verify"),
    run("POST /v1/region-verifications", "verify"),
    run("POST /v1/repairs", "repair"),
    guarded("POST /v1/rotations"),
    read("GET /v1/reencryptions", "reencrypt"),
    read("GET /v1/reencryptions/{number}", "reencrypt"),
    read("GET /v1/reencryptions/quarantine", "reencrypt"),
    change("POST /v1/reencryptions", "reencrypt"),
    change("POST /v1/reencryptions/{number}/pause", "reencrypt"),
    change("POST /v1/reencryptions/{number}/resume", "reencrypt"),
    change("POST /v1/reencryptions/{number}/cancel", "reencrypt"),
    change("POST /v1/collections", "collect"),
    read("GET /v1/drills", "drill", source_in=SourceIn.QUERY),
    read("GET /v1/drills/{drill_id}", "drill"),
    read("GET /v1/drills/{drill_id}/evidence", "drill"),
    run("POST /v1/drills", "drill", source_in=SourceIn.BODY),
    read("GET /v1/retention/plan", "retention", source_in=SourceIn.QUERY),
    read("GET /v1/retention/expiries", "retention", source_in=SourceIn.QUERY),
    read("GET /v1/retention/expiries/{backup_id}", "retention", source_in=SourceIn.BACKUP),
    read("GET /v1/retention/events", "retention", source_in=SourceIn.QUERY),
    change("POST /v1/retention/runs", "retention"),
    destroy("POST /v1/retention/approvals", delay=True),
    destroy("POST /v1/retention/expiries", second_person=True, delay=True),
    read("GET /v1/holds", "retention", source_in=SourceIn.QUERY),
    change("POST /v1/holds", "retention"),
    destroy("POST /v1/holds/{hold_id}/release", delay=True),
    read("GET /v1/jobs", "jobs", source_in=SourceIn.QUERY),
    read("GET /v1/jobs/{job_id}", "jobs", source_in=SourceIn.JOB),
    read("GET /v1/jobs/{job_id}/events", "jobs", source_in=SourceIn.JOB),
    change("POST /v1/jobs/{job_id}/cancel", "jobs", source_in=SourceIn.JOB),
    change("POST /v1/jobs/{job_id}/pause", "jobs", source_in=SourceIn.JOB),
    change("POST /v1/jobs/{job_id}/resume", "jobs", source_in=SourceIn.JOB),
    read("GET /v1/traces/{trace_id}", "traces"),
    read("GET /v1/queues", "queues"),
    change("POST /v1/queues/{queue}/pause", "queues"),
    change("POST /v1/queues/{queue}/resume", "queues"),
    read("GET /v1/alerts", "alerts", source_in=SourceIn.QUERY),
    read("GET /v1/alerts/active", "alerts"),
    read("GET /v1/alerts/dead-letters", "alerts"),
    read("GET /v1/alerts/{alert_id}", "alerts"),
    run("POST /v1/alerts/{alert_id}/ack", "alerts"),
    change("POST /v1/alerts/{alert_id}/resolve", "alerts"),
    read("GET /v1/alert-silences", "alerts"),
    # One that silences everything of a kind is alerts.mute.
    change("POST /v1/alert-silences", "alerts"),
    change("POST /v1/alert-silences/{silence_id}/end", "alerts"),
    read("GET /v1/alert-channels", "alerts"),
    run("POST /v1/alert-channels/{name}/test", "alerts"),
    # It names people and what they do; no machine reads it.
    Operation("GET /v1/audit", Role.ADMIN, None, Gravity.READ),
    Operation("GET /v1/audit/verification", Role.ADMIN, None, Gravity.READ),
    destroy("POST /v1/audit/acceptances"),
    # Tokens of machines are made by people only.
    Operation("GET /v1/tokens", Role.ADMIN, None, Gravity.READ),
    guarded("POST /v1/tokens"),
    guarded("POST /v1/tokens/{name}/rotate"),
    guarded("POST /v1/tokens/{name}/revoke"),
)

VERBS = (
    destroy("restore.overwrite", Role.OPERATOR),
    destroy("backup.retire", second_person=True, delay=True),
    destroy("retention.shorten", delay=True),
    destroy("retention.delete_more", delay=True),
    destroy("holds.release", delay=True),
    destroy("keys.remove_slots"),
    destroy("keys.destroy", second_person=True),
    destroy("peers.revoke"),
    destroy("peers.void"),
    destroy("accounts.mfa_reset"),
    destroy("alerts.mute", Role.OPERATOR),
    destroy("audit.accept"),
)
"""What a challenge of a step-up is for; a route or command that destroys only with some option asks for one then."""

OPERATIONS: Mapping[str, Operation] = {row.name: row for row in (*PUBLIC, *ROUTES, *VERBS, *COMMANDS)}
