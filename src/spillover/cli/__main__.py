"""`python -m spillover.cli`."""

from spillover.cli import main

main()
