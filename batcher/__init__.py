"""From cached utterances to batches: splits, `full_inputs.pkl`, windows. Never loads TensorFlow."""
