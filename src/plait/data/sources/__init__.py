"""Where rows come from: one small file for each choice under ``conf/data/``."""
