"""Look for shortcuts: what else than a voice a pipeline and its network could tell speakers by."""
