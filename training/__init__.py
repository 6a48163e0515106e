"""The three stages: softmax pre-training, triplets on the embeddings, softmax again on frozen embeddings."""
