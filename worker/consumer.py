"""The part of a worker that takes messages: Celery's own, without what Strongroom does not use."""

from celery.worker.consumer import Consumer

DELAYED_DELIVERY = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class JobConsumer(Consumer):
    """Declares no exchanges and queues for delays on RabbitMQ, some sixty: the ledger says when a job is due."""

    class Blueprint(Consumer.Blueprint):
        """The steps of a consumer."""

        default_steps = tuple(step for step in Consumer.Blueprint.default_steps if step != DELAYED_DELIVERY)
