"""From recordings to features: find, decode, resample, cut silence, cache, MFCC. Never loads TensorFlow."""
