"""A step of training in PyTorch, from a stage's weights and with its optimizer's settings."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from pytorch_network import ADAM_EPSILON, Embedder, Network, in_torch_layout

from batcher.sampling.sampler import Batch

if TYPE_CHECKING:
    from training.stages import Stage


class PyTorchTraining:
    """Network and Adam, as `stage` has them now."""

    def __init__(self, stage: "Stage", compiled: bool = False):
        state = stage.state
        self.iteration = 0
        embedder = Embedder(state.options, *state.normalization)
        self.network = Network(embedder, stage.options, state.head.output_shape[-1] if state.head else 0)
        self._copy_weights(state.arrays())
        self.loss = torch.compile(self.network) if compiled else self.network
        rate = float(state.optimizer.learning_rate)
        self.optimizer = torch.optim.Adam(self.network.parameters(), rate, eps=ADAM_EPSILON, fused=True)

    def step(self, batch: Batch) -> float:
        """One gradient step, its report read as in training; the loss."""
        figures = self._backward(batch, self.iteration)
        self.optimizer.step()
        self.iteration += 1
        loss, *_ = [figure.item() for figure in figures]
        return loss

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """Embeddings as after training."""
        self.network.eval()
        with torch.no_grad():
            embeddings = self.network.embedder(torch.from_numpy(windows)).numpy()
        self.network.train()
        return embeddings

    def beside_gradients(
        self, expected: dict[str, np.ndarray], batch: Batch, iteration: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs of gradients: Keras's, given by the variables' names, and those of this network."""
        self._backward(batch, iteration)
        own = dict(self.network.named_parameters())
        for path, array in expected.items():
            for name, gradient in in_torch_layout(path, array).items():
                yield gradient.numpy(), own[name].grad.numpy()

    def _backward(self, batch: Batch, iteration: int) -> tuple[torch.Tensor, ...]:
        self.optimizer.zero_grad()
        figures = self.loss(torch.from_numpy(batch.windows), torch.from_numpy(batch.labels), iteration)
        figures[0].backward()
        return figures

    def _copy_weights(self, arrays: dict[str, np.ndarray]) -> None:
        own = self.network.state_dict()
        for name, array in arrays.items():
            part, _, path = name.partition("/")
            if part in ("embedder", "head") and not path.startswith("feature_normalization"):
                for own_name, weights in in_torch_layout(path, array).items():
                    own.pop(own_name).copy_(weights)
