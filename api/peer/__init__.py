"""Where other key providers send keys: a port of its own, certificates of an authority of its own."""
