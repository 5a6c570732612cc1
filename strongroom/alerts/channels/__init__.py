"""One module for each kind of channel: how a message is said in its language."""
