"""The Celery application that carries job ids: configuration, queues, process start and stop."""
