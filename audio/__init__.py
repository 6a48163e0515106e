"""One signal: from a recording to samples, its voiced part, and features. Never loads TensorFlow."""
