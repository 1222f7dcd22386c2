"""One short module per DVC stage: reads files, calls a room, writes files."""
