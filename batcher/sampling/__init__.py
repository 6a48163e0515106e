"""From the frames of training inputs to batches of features: windows, speeds, augmentation."""
