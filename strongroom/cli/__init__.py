"""The `strongroom` command: reads what was typed, calls a capability, shows the answer."""
