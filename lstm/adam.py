"""Adam (Kingma & Ba 2015, algorithm 1) over one flat vector, and clipping of the gradient by its norm.

    m = b1 m + (1 - b1) g              the mean of recent gradients
    v = b2 v + (1 - b2) g^2            the mean of their squares
    p = p - rate * m' / (sqrt(v') + epsilon),   m' = m / (1 - b1^t),   v' = v / (1 - b2^t)

m' and v' are corrected for their start at zero.
"""

import numpy as np

# Vectors are worked through in slices of fixed size: small enough to stay in a core's cache through the
# several passes of NumPy, and the same for any number of threads, so that the result is too.
SLICE = 32768


def slices(size):
    """The fixed slices of a vector of that size."""
    return [slice(start, min(start + SLICE, size)) for start in range(0, size, SLICE)]


def total(gradients, workers):
    """Sum flat gradients into the first of them, and return the norm of the sum (Euclidean, as a float)."""

    def add(part):
        for other in gradients[1:]:
            gradients[0][part] += other[part]
        return float(np.dot(gradients[0][part], gradients[0][part]))

    return float(np.sqrt(sum(workers.map(add, slices(gradients[0].size)))))


def clip_scale(norm, clip):
    """What to multiply a gradient by so that its norm is at most `clip` (Pascanu et al. 2013); clip 0 is none."""
    return clip / norm if clip and norm > clip else 1.0


class Adam:
    """The moments m and v, and the number t of steps taken."""

    def __init__(self, size, dtype=np.float32, beta1=0.9, beta2=0.999, epsilon=1e-7):
        self.m, self.v, self.t = np.zeros(size, dtype), np.zeros(size, dtype), 0
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def step(self, parameters, gradient, learning_rate, scale, workers):
        """Move the flat `parameters` by one step against `scale * gradient`, in place."""
        self.t += 1
        rate = learning_rate / (1 - self.beta1**self.t)
        correction = 1 / (1 - self.beta2**self.t)

        def move(part):
            g, m, v = gradient[part] * scale, self.m[part], self.v[part]
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g * g - v)
            parameters[part] -= rate * m / (np.sqrt(correction * v) + self.epsilon)

        workers.map(move, slices(parameters.size))
