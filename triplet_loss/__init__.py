"""Cosine similarity, the Deep Speaker triplet loss, and the choice of triplets."""
