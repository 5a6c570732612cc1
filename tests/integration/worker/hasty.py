"""The usual worker without its patience, so that a test need not wait.

Run as `python -m tests.integration.worker.hasty PROFILE`.
"""

from worker import hearing, standing_in
from worker.__main__ import main


def hurry() -> None:
    """Have the worker of this process look twice a second, and wait for two seconds before it acts."""
    hearing.SECONDS_BETWEEN_LOOKS = standing_in.SECONDS_BETWEEN_LOOKS = 0.5
    hearing.PATIENCE_SECONDS = hearing.TICK_PATIENCE_SECONDS = standing_in.PATIENCE_SECONDS = 2.0


if __name__ == "__main__":
    hurry()
    main()
