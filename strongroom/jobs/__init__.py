"""The durable job: states, lease with fencing, cursor, steps, outbox, sweeper. Whatever queue carries only its id."""
