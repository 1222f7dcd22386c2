"""A recorded run made an experiment, or the champion."""
