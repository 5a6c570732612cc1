"""Real services that tests start themselves, on loopback, and that end with the test run."""
