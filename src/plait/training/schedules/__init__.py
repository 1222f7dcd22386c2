"""Learning-rate schedules: one file each, from the share of training done to a factor."""
