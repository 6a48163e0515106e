"""The utterance cache: recordings to utterances at 8 kHz, whatever is killed. Never loads TensorFlow."""
