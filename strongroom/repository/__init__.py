"""Bytes in a region: frames, packs, manifests, key slots, signed records, and the order they are written in."""
