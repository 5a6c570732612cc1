"""All of it on one machine: broker, API, workers, Beat and Flower as processes under supervisor."""
