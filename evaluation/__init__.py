"""How good the embeddings are: metrics with intervals, reports on unseen speakers, plots."""
