"""Views of results that are already there: nothing here computes one."""
