"""The whole service, as processes: API, Redis, Celery workers, Beat, PostgreSQL and S3."""
