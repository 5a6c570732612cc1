"""One worker of a re-encryption: `python -m bench.vault_worker NUMBER` takes its ranges until none is left."""

import os
import sys
from functools import partial
from pathlib import Path

from strongroom.jobs.runner import RunOutcome, run_job
from strongroom.rotation.campaigns import open_jobs_of
from strongroom.rotation.running import run_range
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings


def main() -> None:
    """Say that it is ready, wait for the word, and work."""
    number = int(sys.argv[1])
    runtime = build_runtime(load_settings(Path(os.environ["STRONGROOM_CONFIG"]), os.environ))
    services = runtime.services()
    services.open_ring()
    handler = partial(run_range, services)
    print("ready", flush=True)
    sys.stdin.readline()
    while left := open_jobs_of(services, number):
        outcomes = [run_job(services.ledger, job, handler, owner=f"bench:{os.getpid()}") for job in left]
        if all(outcome is RunOutcome.SKIPPED for outcome in outcomes):
            services.clock.sleep(0.05)
    print("done", flush=True)
    runtime.close()


if __name__ == "__main__":
    main()
