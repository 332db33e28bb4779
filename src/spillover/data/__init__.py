"""What goes into a study: tasks, parallel corpora, and where their data lie."""
