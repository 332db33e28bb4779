"""Arrays in, numbers out: what the steps found, made into evidence (no torch here)."""
