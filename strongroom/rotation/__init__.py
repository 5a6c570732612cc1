"""Re-encryption of live tables: ranges, compare-and-swap, quarantine, and the proof that an old key may go."""
