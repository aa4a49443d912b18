"""Muon for convolutions: an optimizer whose steps have one size in every direction.

Keras has Muon for matrices; a convolution's kernel is one too, with a row for each pixel of each input channel, as its
author trains networks (K. Jordan, https://kellerjordan.github.io/posts/muon, and his cifar10-airbench).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

HEADS = ("label/", "votes/")
"""Layers that decide are AdamW's, as Keras' documentation of Muon asks."""


class ConvolutionMuon(keras.optimizers.Muon):  # type: ignore[misc]  # keras has no types
    """`keras.optimizers.Muon` that also takes kernels of four dimensions; biases, scales and heads go to its AdamW."""

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) < 2 or variable.path.startswith(HEADS)

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.assign_add(m, ops.add(gradient, m * (self.momentum - 1)))
        direction = ops.reshape(ops.add(gradient, self.momentum * m), (-1, variable.shape[-1]))
        step = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(direction, self.ns_steps))
        self.assign_sub(variable, ops.reshape(step, variable.shape))
