"""From cached speech to embeddings and distances, with a trained checkpoint."""
