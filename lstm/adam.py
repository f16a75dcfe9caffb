"""Adam (Kingma & Ba 2015, algorithm 1) over one flat vector, and clipping of the gradient by its norm.

    m = b1 m + (1 - b1) g              the mean of recent gradients
    v = b2 v + (1 - b2) g^2            the mean of their squares
    p = p - rate * m' / (sqrt(v') + epsilon),   m' = m / (1 - b1^t),   v' = v / (1 - b2^t)

m' and v' are corrected for their start at zero. Below Adam stands what else is done to that vector after each batch:
the norm and the clip of the gradient, weight decay, and the average of the parameters over the steps.
"""

import numpy as np

from lstm.engine.jit import compiled
from lstm.io import COUNT, SHARE, Bounds, InputError, shown
from lstm.io.arrays import FLOATS, check_arrays

ANY, POSITIVE = Bounds(float, -1e300, 1e300), Bounds(float, 1e-30, 1e300)


class Adam:
    """The moments m and v, and the number t of steps taken."""

    def __init__(self, size, dtype=np.float32, beta1=0.9, beta2=0.999, epsilon=1e-7):
        size = COUNT.check("size", size)
        self.m, self.v, self.t = np.zeros(size, dtype), np.zeros(size, dtype), 0
        check_arrays({"m (N,)": self.m})
        self.beta1, self.beta2 = SHARE.check("beta1", beta1), SHARE.check("beta2", beta2)
        self.epsilon = POSITIVE.check("epsilon", epsilon)

    def step(self, parameters, gradient, learning_rate, scale, workers):
        """Move the flat `parameters` by one step against `scale * gradient`, in place."""
        vectors = {"m (N,)": self.m, "v (N,)": self.v, "parameters (N,)": parameters, "gradient (N,)": gradient}
        check_arrays(vectors, plain=("m", "v", "parameters", "gradient"))
        learning_rate, scale = ANY.check("learning_rate", learning_rate), ANY.check("scale", scale)
        self.t += 1
        of = parameters.dtype.type  # because float64 numbers would make the arithmetic on float32 vectors float64
        rate = of(learning_rate / (1 - self.beta1**self.t))
        correction = of(1 / (1 - self.beta2**self.t))
        one_minus_beta1, one_minus_beta2 = of(1 - self.beta1), of(1 - self.beta2)
        epsilon, scale = of(self.epsilon), of(scale)

        def move(part):
            vectors = parameters[part], gradient[part], self.m[part], self.v[part]
            adam_step(*vectors, scale, rate, correction, one_minus_beta1, one_minus_beta2, epsilon)

        workers.map(move, slices(parameters.size))


@compiled
def adam_step(p, g, m, v, scale, rate, correction, one_minus_beta1, one_minus_beta2, epsilon):
    """The formula above for each number, in place; rate is the learning rate / (1 - b1^t), correction is
    1 / (1 - b2^t).

    In one loop each number is read and written once; NumPy would go through memory some ten times.
    """
    for n in range(p.size):
        g_n = scale * g[n]
        m[n] += one_minus_beta1 * (g_n - m[n])
        v[n] += one_minus_beta2 * (g_n * g_n - v[n])
        p[n] -= rate * m[n] / (np.sqrt(correction * v[n]) + epsilon)


# -- what else is done to the flat vector after each batch


def gradient_norm(gradient, workers):
    """The Euclidean norm of a flat gradient, a float."""

    check_arrays({"gradient (N,)": gradient})

    def square(part):
        with np.errstate(over="ignore", invalid="ignore"):  # a norm that is not finite is noticed by the caller
            return float(np.dot(gradient[part], gradient[part]))

    return float(np.sqrt(sum(workers.map(square, slices(gradient.size)))))


def clip_scale(norm, clip):
    """What to multiply a gradient by so that its norm is at most `clip` (Pascanu et al. 2013); clip 0 is none."""
    return clip / norm if clip and norm > clip else 1.0


def decay(arrays, rate, workers):
    """Shrink arrays by the share `rate`, in place.

    Before the step of Adam this is AdamW's decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2), with
    rate = learning rate * decay: unlike a penalty in the loss, it does not pass through Adam's division by sqrt(v').
    """
    arrays, rate = list(arrays), ANY.check("rate", rate)
    for array in arrays:
        if not isinstance(array, np.ndarray) or array.dtype not in FLOATS or not array.flags.carray:
            raise InputError(f"{shown(array)} must be an array of float32 or float64 in C order, aligned and writeable")
    flats = [array.reshape(-1) for array in arrays]  # views

    def shrink(part):
        part -= part.dtype.type(rate) * part

    workers.map(shrink, [flat[part] for flat in flats for part in slices(flat.size)])


def update_average(average, parameters, most, t, workers):
    """Move a running average of the parameters towards where they are after step t (from 1), in place.

    average = d average + (1 - d) parameters,   d = min(most, (1 + t) / (10 + t))

    Averaging evens out the noise of single batches (Polyak & Juditsky 1992). d grows from 0.18, so that the first
    steps, which are far from where training ends, are soon forgotten.
    """
    check_arrays({"average (N,)": average, "parameters (N,)": parameters}, plain=("average", "parameters"))
    most, t = SHARE.check("most", most), COUNT.check("t", t)
    one_minus_d = average.dtype.type(1 - min(most, (1 + t) / (10 + t)))
    workers.map(lambda part: average_step(average[part], parameters[part], one_minus_d), slices(average.size))


@compiled
def average_step(average, p, one_minus_d):
    """The formula above for each number, in place."""
    for n in range(p.size):
        average[n] += one_minus_d * (p[n] - average[n])


# note: a vector is cut into slices of one fixed size, and each is a task for a thread. Vector instructions round
# otherwise than the scalar ones at a slice's end, so slices that followed from the number of threads would change
# the result.
SLICE = 65536


def slices(size):
    """The fixed slices of a vector of that size."""
    return [slice(start, min(start + SLICE, size)) for start in range(0, size, SLICE)]
