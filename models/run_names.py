"""The names of the training stages, which are also those of their folders, and of the files in such a folder."""

SOFTMAX, FINE, TRIPLET, FROZEN, ADAPTED = "softmax", "softmax_fine", "triplet", "softmax_frozen", "adapted"
STAGES = (SOFTMAX, FINE, TRIPLET, FROZEN, ADAPTED)
MOST_ADVANCED_FIRST = (ADAPTED, TRIPLET, FINE, SOFTMAX)  # the frozen stage has the embeddings of the stage before it

LAST, BEST = "last.npz", "best.npz"  # checkpoints: where the run stands, and where its training loss was lowest
DAMAGED = "last.damaged.npz"  # what a damaged `LAST` is kept as
HISTORY, CURVES = "history.csv", "curves.png"
OPTIONS = "options.json"
CHARTS = TRAIN_CHARTS, TEST_CHARTS = "train", "test"  # folders of what TensorBoard shows
