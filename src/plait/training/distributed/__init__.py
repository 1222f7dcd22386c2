"""One training in several processes, with the numbers of one."""
