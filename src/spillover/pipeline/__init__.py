"""What has to run, running it, and keeping what came out."""
