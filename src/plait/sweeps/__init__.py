"""Many trainings: multiruns that resume, runs rebuilt, winners promoted."""
