"""Makes the services in tests/services available to every test as fixtures."""

pytest_plugins = [
    "tests.services.run",
    "tests.services.valkey",
    "tests.services.moto",
    "tests.services.postgres",
    "tests.services.catalog",
    "tests.services.proxy",
    "tests.services.rgw",
]
