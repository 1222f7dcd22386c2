"""A recorded run made again from its commit, and compared number for number."""
