"""Training of photostyle's own networks."""
