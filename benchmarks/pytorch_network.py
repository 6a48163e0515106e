"""The network, its losses and its step written anew in PyTorch, to measure TensorFlow beside.

Layer by layer what `models/network.py`, `training/stages.py` and `triplet_loss/` compute, with the weights of the
Keras network; `pytorch_step.py` checks that outputs and gradients agree. Frames lie next to each other in memory as
Keras has them ("channels last", which two-dimensional layers offer), since PyTorch is quicker so.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layers import LEAST_VARIANCE
from models.network import BATCH_NORM_MOMENTUM, LOGIT_SCALE, NetworkOptions
from training.options import TRIPLET, TrainingOptions
from training.stages import EMBEDDING_DROPOUT, MARGIN_WARM_UP
from triplet_loss.mining import FARTHEST, NEAREST

BATCH_NORM_EPSILON = 1e-3  # Keras's; PyTorch's is 1e-5
ADAM_EPSILON = 1e-7  # Keras's; PyTorch's is 1e-8


class Embedder(nn.Module):
    """Normalised features through convolutions, GRU, statistics over time, and a dense layer."""

    def __init__(self, options: NetworkOptions, mean: np.ndarray, deviation: np.ndarray):
        super().__init__()
        self.options = options
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("deviation", torch.tensor(deviation))
        sizes = (options.feature_size, *options.conv_filters)
        shape = zip(sizes, sizes[1:], options.conv_kernels, options.conv_strides)
        self.conv = nn.ModuleList(
            nn.Conv2d(a, b, (1, kernel), (1, stride), bias=False) for a, b, kernel, stride in shape
        )
        momentum = 1 - BATCH_NORM_MOMENTUM
        self.batch_norm = nn.ModuleList(nn.BatchNorm2d(n, BATCH_NORM_EPSILON, momentum) for n in options.conv_filters)
        self.gru = nn.GRU(sizes[-1], options.gru_units)
        self.embedding = nn.Linear(2 * options.gru_units, options.embedding_size)
        self.to(memory_format=torch.channels_last)

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, frames, features) -> (batch, embedding_size)."""
        x = (windows - self.mean) / self.deviation
        x = x.transpose(1, 2)[:, :, None]  # (batch, features, 1, frames) without moving anything
        for conv, batch_norm in zip(self.conv, self.batch_norm):
            x = functional.relu(batch_norm(conv(functional.pad(x, same_padding(conv, x.shape[-1])))), inplace=True)
        x, _ = self.gru(x[:, :, 0].permute(2, 0, 1))  # (frames / 8, batch, units)
        deviation = torch.sqrt(torch.var(x, dim=0, correction=0) + LEAST_VARIANCE)
        x = self.embedding(torch.cat([x.mean(dim=0), deviation], dim=1))
        return functional.normalize(x, dim=1) if self.options.normalize_embeddings else x


def same_padding(conv: nn.Conv2d, frames: int) -> tuple[int, int]:
    """Keras's padding "same": what is missing for every stride to have a whole kernel, the odd frame at the end."""
    kernel, stride = conv.kernel_size[1], conv.stride[1]
    missing = max((-(-frames // stride) - 1) * stride + kernel - frames, 0)
    return missing // 2, missing - missing // 2


class Network(nn.Module):
    """Embedder and, for the softmax, the weights of the speakers; called, it gives the loss."""

    def __init__(self, embedder: Embedder, options: TrainingOptions, speakers: int):
        super().__init__()
        self.embedder, self.options = embedder, options
        if speakers:
            self.head = nn.Parameter(torch.empty(embedder.options.embedding_size, speakers))

    def forward(self, windows: Tensor, labels: Tensor, iteration: int) -> tuple[Tensor, ...]:
        """The loss to step on, and what the stage reports beside it."""
        embeddings = self.embedder(windows)
        if self.options.stage != TRIPLET:
            return self._softmax_loss(embeddings, labels, iteration)
        return triplet_loss(embeddings, labels, self.options)

    def _softmax_loss(self, embeddings: Tensor, labels: Tensor, iteration: int) -> tuple[Tensor, ...]:
        if self.options.augments:
            embeddings = functional.dropout(embeddings, EMBEDDING_DROPOUT)
        cosines = functional.normalize(embeddings, dim=1) @ functional.normalize(self.head, dim=0)
        own = functional.one_hot(labels, cosines.shape[1])
        margin = self.options.softmax_margin * min(iteration / MARGIN_WARM_UP, 1.0)
        loss = functional.cross_entropy(LOGIT_SCALE * (cosines - margin * own), labels)
        return loss, (cosines.argmax(dim=1) == labels).float().mean()


def triplet_loss(embeddings: Tensor, labels: Tensor, options: TrainingOptions) -> tuple[Tensor, ...]:
    """Mean hinge of the batch's hard or random triplets, the share of active ones, and both mean cosines."""
    unit = functional.normalize(embeddings, dim=1)
    select = {"hard": hard_triplets, "random": random_triplets}[options.triplet_selection]
    to_positive, to_negative, weight = select(unit, labels)
    hinge = functional.relu(to_negative - to_positive + options.margin) * weight
    triplets = weight.sum().clamp(min=1.0)
    means = (
        (hinge > 0).sum() / triplets,
        (to_positive * weight).sum() / triplets,
        (to_negative * weight).sum() / triplets,
    )
    return hinge.sum() / triplets, *means


def hard_triplets(unit: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Batch-hard: for each anchor its farthest positive and its nearest negative."""
    similarity = unit @ unit.T
    alike = labels[:, None] == labels
    same, other = alike & ~torch.eye(len(labels), dtype=torch.bool), ~alike
    to_positive = similarity.masked_fill(~same, NEAREST).amin(dim=1)
    to_negative = similarity.masked_fill(~other, FARTHEST).amax(dim=1)
    return to_positive, to_negative, (same.any(dim=1) & other.any(dim=1)).float()


def random_triplets(unit: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A third anchors, a third positives, a third negatives."""
    anchor, positive, negative = unit.chunk(3)
    to_positive = (anchor * positive).sum(dim=1)
    return to_positive, (anchor * negative).sum(dim=1), torch.ones_like(to_positive)


def in_torch_layout(path: str, array: np.ndarray) -> dict[str, Tensor]:
    """A Keras variable (or its gradient) under PyTorch's name and in PyTorch's shape; a GRU's bias is two there."""
    layer, name = path.split("/")[0], path.split("/")[-1]
    kind, _, number = layer.rpartition("_")
    if layer == "gru":
        arrays = zip(("bias_ih_l0", "bias_hh_l0"), array) if name == "bias" else [(GRU_NAMES[name], array)]
        return {f"embedder.gru.{name}": _tensor(_gates_reordered(part)) for name, part in arrays}
    if layer == "speaker_cosines":
        return {"head": _tensor(array)}
    if layer == "embedding":
        return {f"embedder.embedding.{NAMES[name]}": _tensor(array.T)}
    array = array.transpose(2, 1, 0)[:, :, None] if kind == "conv" else array  # (filters, features, 1, frames)
    return {f"embedder.{kind}.{int(number) - 1}.{NAMES[name]}": _tensor(array)}


GRU_NAMES = {"kernel": "weight_ih_l0", "recurrent_kernel": "weight_hh_l0"}
NAMES = {
    **{"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"},
    **{"moving_mean": "running_mean", "moving_variance": "running_var"},
}


def _gates_reordered(array: np.ndarray) -> np.ndarray:
    """Columns for update, reset, new, to rows for reset, update, new."""
    update, reset, new = np.split(array, 3, axis=-1)
    return np.concatenate([reset, update, new], axis=-1).T


def _tensor(array: np.ndarray) -> Tensor:
    return torch.tensor(np.ascontiguousarray(array))
