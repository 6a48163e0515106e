"""One signal: from a recording to samples, its speech, and features. Never loads TensorFlow."""
