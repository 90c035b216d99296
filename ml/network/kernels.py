"""What a backend computes much faster in its own way: the same numbers on each of them."""

import keras
from keras import layers, ops

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
ON_TORCH = keras.backend.backend() == "torch"
if ON_TENSORFLOW:
    import tensorflow as tf
elif ON_TORCH:
    import torch


@keras.saving.register_keras_serializable("ml")
class FusedBatchNormalization(layers.BatchNormalization):
    """Keras 3 normalises batches with unfused ops; TensorFlow's kernel trains five times faster on
    a CPU, and PyTorch has one, too. Compilers such as JAX's fuse them by themselves."""

    def call(self, inputs, training=None, mask=None):
        if ON_TORCH:
            return self._on_torch(inputs, bool(training and self.trainable))
        if not ON_TENSORFLOW:
            return super().call(inputs, training=training, mask=mask)
        if not (training and self.trainable):
            moments = {"mean": self.moving_mean, "variance": self.moving_variance}
            return tf.compat.v1.nn.fused_batch_norm(
                inputs,
                self.gamma,
                self.beta,
                **moments,
                epsilon=self.epsilon,
                is_training=False,
            )[0]
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1 - self.momentum))
        return outputs

    def _on_torch(self, inputs, training: bool):
        outputs = torch.nn.functional.batch_norm(
            inputs.permute(0, 3, 1, 2),
            self.moving_mean.value,
            self.moving_variance.value,
            self.gamma.value,
            self.beta.value,
            training=training,
            momentum=1 - self.momentum,
            eps=self.epsilon,
        )
        return outputs.permute(0, 2, 3, 1)


@keras.saving.register_keras_serializable("ml")
class DepthwiseConv(layers.DepthwiseConv2D):
    """A depthwise convolution with a gradient that does not wait.

    TensorFlow's gradient of a 5×5 depthwise kernel costs 15 times that of a 3×3 one on a CPU; four
    overlapping 3×3 windows give the same numbers at a third of the time.
    """

    def call(self, inputs):
        if not ON_TENSORFLOW or self.kernel_size != (5, 5) or self.strides != (1, 1):
            return super().call(inputs)
        outputs = _depthwise_5x5(inputs, tf.convert_to_tensor(self.kernel))
        return outputs + self.bias if self.use_bias else outputs


def warp(images, transforms, size: int):
    """Bilinear samples of ``images`` (n, h, w, c), mirrored at the border: (n, size, size, c)
    float32. ``transforms`` (n, 6) map an output pixel (x, y) to the input's (a x + b y + c,
    d x + e y + f)."""
    if ON_TENSORFLOW:
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=tf.cast(images, tf.float32),
            transforms=tf.pad(transforms, ((0, 0), (0, 2))),
            output_shape=(size, size),
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="REFLECT",
        )
    count, height, width, channels = images.shape
    y, x = ops.meshgrid(ops.arange(size, dtype="float32"), ops.arange(size, dtype="float32"),
                        indexing="ij")  # fmt: skip
    a, b, c, d, e, f = (transforms[:, i, None, None] for i in range(6))
    rows = _mirrored(d * x + e * y + f, height)
    columns = _mirrored(a * x + b * y + c, width)
    top, left = ops.floor(rows), ops.floor(columns)
    flat = ops.reshape(images, (count * height * width, channels))
    first = ops.reshape(ops.arange(count) * height * width, (count, 1, 1))

    def pixels(row, column):
        row = ops.cast(ops.minimum(row, height - 1), "int32")
        column = ops.cast(ops.minimum(column, width - 1), "int32")
        return ops.cast(ops.take(flat, first + row * width + column, axis=0), "float32")

    below, right = (rows - top)[..., None], (columns - left)[..., None]
    upper = pixels(top, left) * (1 - right) + pixels(top, left + 1) * right
    lower = pixels(top + 1, left) * (1 - right) + pixels(top + 1, left + 1) * right
    return upper * (1 - below) + lower * below


def _mirrored(at, size: int):
    """Coordinates folded back into 0 … size − 1, as a mirror at each border does."""
    at = ops.mod(at, 2.0 * size)
    return ops.clip(ops.minimum(at, 2.0 * size - 1 - at), 0.0, size - 1.0)


if ON_TENSORFLOW:

    @tf.custom_gradient
    def _depthwise_5x5(x, kernel):
        unit = (1, 1, 1, 1)

        def gradient(dy):
            height, width = tf.shape(x)[1] + 2, tf.shape(x)[2] + 2
            padded = tf.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
            shape = (3, 3, x.shape[-1], 1)
            corners = [
                [
                    tf.nn.depthwise_conv2d_backprop_filter(
                        padded[:, i : i + height, j : j + width], shape, dy, unit, "VALID"
                    )
                    for j in (0, 2)
                ]
                for i in (0, 2)
            ]
            rows = [tf.concat([left, right[:, 1:]], axis=1) for left, right in corners]
            dx = tf.nn.depthwise_conv2d_backprop_input(tf.shape(x), kernel, dy, unit, "SAME")
            return dx, tf.concat([rows[0], rows[1][1:]], axis=0)

        return tf.nn.depthwise_conv2d(x, kernel, unit, "SAME"), gradient
