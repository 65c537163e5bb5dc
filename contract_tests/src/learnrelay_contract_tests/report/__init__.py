"""Reports: what was checked, what was found, for people and for programs."""
