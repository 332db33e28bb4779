"""Ways in and out: tasks for lm-evaluation-harness, scores from other tools."""
