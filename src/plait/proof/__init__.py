"""What a stage goes by is proved to be what its identity names, or the stage refuses."""
