"""One step of training on TensorFlow, JAX or PyTorch: the same body on each of them."""

from collections.abc import Iterator
from functools import partial

import keras
import numpy as np

from ml.training import batches, losses
from ml.training.augmentation import Bank
from ml.training.batches import Pool
from ml.training.plan import Plan

HORIZON = 40_000  # pictures over which the averaged weights forget


def compiled(
    plan: Plan,
    model: keras.Model,
    averaged: keras.Model,
    optimizer: keras.Optimizer,
    teachers: list[keras.Model],
    pool: Pool,
) -> "OnTensorFlow | OnJax | OnTorch":
    """The step of the backend that Keras runs on. Raises ValueError for another one."""
    backends = {"tensorflow": OnTensorFlow, "jax": OnJax, "torch": OnTorch}
    if keras.backend.backend() not in backends:
        raise ValueError(f"Training runs on {', '.join(backends)}; set KERAS_BACKEND.")
    return backends[keras.backend.backend()](plan, model, averaged, optimizer, teachers, pool)


def decay(plan: Plan, step: int) -> float:
    """How much of the averaged weights a step keeps; a short memory at first, so that the ImageNet
    weights don't linger in the mean."""
    return min(np.exp(-plan.batch / HORIZON), (1 + step) / (10 + step))


class OnTensorFlow:
    """Pictures stay in the host's memory; batches are prepared while the step before runs."""

    def __init__(self, plan, model, averaged, optimizer, teachers, pool) -> None:
        self.plan, self.model, self.averaged = plan, model, averaged
        self.optimizer, self.teachers, self.pool = optimizer, teachers, pool

    def epoch(self, first_step: int, side: int) -> Iterator:
        """Endless steps from ``first_step`` on: call each with the learning rate."""
        import tensorflow as tf

        bank = Bank.make(self.plan.seed, side)
        bank = Bank(tf.constant(bank.overlays), tf.constant(bank.noises))

        def drawn():
            for batch in self.pool.draws(first_step):
                index = batch.pop("index")
                yield *self.pool.take(index), batch

        sample = next(drawn())
        shapes = tf.nest.map_structure(lambda v: tf.TensorSpec(v.shape, v.dtype), sample)
        data = (
            tf.data.Dataset.from_generator(drawn, output_signature=shapes)
            .map(partial(self._prepare, side=side, bank=bank), num_parallel_calls=1)
            .prefetch(2)
        )
        run = tf.function(self._run)
        for step, (x, targets) in enumerate(data, start=first_step):
            keep = tf.constant(decay(self.plan, step), tf.float32)

            def one(rate: float, x=x, targets=targets, keep=keep):
                self.optimizer.learning_rate = rate
                return run(x, targets, keep)

            yield one

    def _prepare(self, pictures, masks, batch, side: int, bank: Bank):
        x, targets = batches.prepare(pictures, masks, batch, side, bank)
        if self.teachers:
            answers = [teacher(x, training=False) for teacher in self.teachers]
            targets["taught"] = batches.taught(answers, targets)
        return x, targets

    def _run(self, x, targets, keep):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss, parts = losses.total(self.model(x, training=True), targets)
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        for mean, new in zip(self.averaged.weights, self.model.weights, strict=True):
            mean.assign(keep * mean + (1 - keep) * new)
        return {"loss": loss, **parts}

    def finish(self) -> None:
        """Put what was learnt into the models: it is there already."""


class OnJax:
    """Pictures lie on the device as uint8; the whole step, augmentation too, is one program."""

    def __init__(self, plan, model, averaged, optimizer, teachers, pool) -> None:
        import jax

        self.plan, self.model, self.averaged = plan, model, averaged
        self.optimizer, self.teachers, self.pool = optimizer, teachers, pool
        self.pictures, self.masks = jax.device_put(pool.take(np.arange(len(pool))))
        self._weights = [_values(t.variables) for t in teachers]
        (self._rate,) = (
            i for i, v in enumerate(optimizer.variables) if v is optimizer.learning_rate
        )
        # Copies: a step gives its state's memory to the next one.
        self._state = jax.tree.map(
            jax.numpy.copy,
            (
                _values(model.trainable_variables),
                _values(model.non_trainable_variables),
                _values(optimizer.variables),
                _values(averaged.weights),
            ),
        )

    def epoch(self, first_step: int, side: int) -> Iterator:
        """Endless steps from ``first_step`` on: call each with the learning rate."""
        import jax

        bank = Bank.make(self.plan.seed, side)
        overlays, noises = jax.device_put((bank.overlays, bank.noises))
        program = jax.jit(partial(self._run, side=side), donate_argnums=0)
        arrays = self.pictures, self.masks, overlays, noises, self._weights
        for step, batch in enumerate(self.pool.draws(first_step), start=first_step):
            keep = np.float32(decay(self.plan, step))

            def one(rate: float, batch=batch, keep=keep):
                self._state, parts = program(self._state, arrays, batch, np.float32(rate), keep)
                return parts

            yield one

    def _run(self, state, arrays, batch, rate, keep, side: int):
        import jax

        trainable, others, slots, averaged = state
        pictures, masks, overlays, noises, taught_by = arrays
        index = batch["index"]
        x, targets = batches.prepare(
            pictures[index], masks[index], batch, side, Bank(overlays, noises)
        )
        if self.teachers:
            answers = [
                teacher.stateless_call(*_split(teacher, weights), x, training=False)[0]
                for teacher, weights in zip(self.teachers, taught_by, strict=True)
            ]
            targets["taught"] = batches.taught(answers, targets)

        def total(trainable, others):
            outputs, others = self.model.stateless_call(trainable, others, x, training=True)
            loss, parts = losses.total(outputs, targets)
            return loss, (parts, others)

        slots = [rate if i == self._rate else slot for i, slot in enumerate(slots)]
        gradient = jax.value_and_grad(total, has_aux=True)
        (loss, (parts, others)), found = gradient(trainable, others)
        trainable, slots = self.optimizer.stateless_apply(slots, found, trainable)
        of = dict(zip(map(id, self.model.trainable_variables), trainable, strict=True))
        of |= dict(zip(map(id, self.model.non_trainable_variables), others, strict=True))
        averaged = [
            keep * mean + (1 - keep) * of[id(variable)]
            for mean, variable in zip(averaged, self.model.weights, strict=True)
        ]
        return (trainable, others, slots, averaged), {"loss": loss, **parts}

    def finish(self) -> None:
        """Put what was learnt into the models, copied, since the next step takes the memory."""
        variables = (
            self.model.trainable_variables,
            self.model.non_trainable_variables,
            self.optimizer.variables,
            self.averaged.weights,
        )
        for kept, values in zip(variables, self._state, strict=True):
            for variable, value in zip(kept, values, strict=True):
                variable.assign(np.asarray(value))


class OnTorch:
    """Pictures lie on the device as uint8, as on JAX; nothing is compiled, so nothing waits for a
    compiler: for trainings of minutes."""

    def __init__(self, plan, model, averaged, optimizer, teachers, pool) -> None:
        import torch

        self.plan, self.model, self.optimizer = plan, model, optimizer
        self.teachers, self.pool = teachers, pool
        torch.set_float32_matmul_precision("high")
        self._device = _values(model.weights)[0].device
        arrays = pool.take(np.arange(len(pool)))
        self.pictures, self.masks = (torch.as_tensor(a, device=self._device) for a in arrays)
        self._weights, self._means = _values(model.weights), _values(averaged.weights)

    def epoch(self, first_step: int, side: int) -> Iterator:
        """Endless steps from ``first_step`` on: call each with the learning rate."""
        import torch

        bank = Bank.make(self.plan.seed, side)
        bank = Bank(
            *(torch.as_tensor(a, device=self._device) for a in (bank.overlays, bank.noises))
        )
        for step, batch in enumerate(self.pool.draws(first_step), start=first_step):
            yield partial(self._run, batch, keep=decay(self.plan, step), side=side, bank=bank)

    def _run(self, batch, rate: float, keep: float, side: int, bank: Bank):
        import torch

        batch = {k: torch.as_tensor(v, device=self._device) for k, v in batch.items()}
        index = batch["index"].long()
        with torch.no_grad():
            x, targets = batches.prepare(self.pictures[index], self.masks[index], batch, side, bank)
            if self.teachers:
                answers = [teacher(x, training=False) for teacher in self.teachers]
                targets["taught"] = batches.taught(answers, targets)
        loss, parts = losses.total(self.model(x, training=True), targets)
        variables = self.model.trainable_variables
        self.model.zero_grad()
        loss.backward()
        self.optimizer.learning_rate = rate
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in variables], variables)
            torch._foreach_lerp_(self._means, self._weights, 1 - keep)
        return {name: part.detach() for name, part in {"loss": loss, **parts}.items()}

    def finish(self) -> None:
        """Put what was learnt into the models: it is there already."""


def _values(variables) -> list:
    return [variable.value for variable in variables]


def _split(model: keras.Model, values: list) -> tuple[list, list]:
    """The values of a model's variables as its trainable and its other ones."""
    of = dict(zip(map(id, model.variables), values, strict=True))
    return (
        [of[id(v)] for v in model.trainable_variables],
        [of[id(v)] for v in model.non_trainable_variables],
    )
