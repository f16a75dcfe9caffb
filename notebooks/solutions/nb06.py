"""Solutions of notebook 06, and wrong answers with words that the check must say about them."""

import numpy as np


def descend(p, g, rate):
    return p - rate * g


def largest_rate(curvature):
    return 2 / np.linalg.eigvalsh(curvature).max()


def heavy_ball(p, g, m, rate, beta1):
    m = beta1 * m + g
    return p - rate * m, m


def old_speed(p, g, m, rate, beta1):
    return p - rate * m, beta1 * m + g


def running_mean(p, g, m, rate, beta1):
    m = beta1 * m + (1 - beta1) * g
    return p - rate * m, m


def own_rates(p, g, v, rate, beta2, epsilon):
    v = beta2 * v + (1 - beta2) * g**2
    return p - rate * g / (np.sqrt(v) + epsilon), v


def no_root(p, g, v, rate, beta2, epsilon):
    v = beta2 * v + (1 - beta2) * g**2
    return p - rate * g / (v + epsilon), v


def one_rate_for_all(p, g, v, rate, beta2, epsilon):
    v = beta2 * v + (1 - beta2) * (g**2).mean()
    return p - rate * g / (np.sqrt(v) + epsilon), v


def first_step(beta1, beta2):
    return (1 - beta1) / np.sqrt(1 - beta2)


def adam_by_hand(p, g, m, v, t, rate, beta1, beta2, epsilon):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    mean, square = m / (1 - beta1**t), v / (1 - beta2**t)
    return p - rate * mean / (np.sqrt(square) + epsilon), m, v


def not_corrected(p, g, m, v, t, rate, beta1, beta2, epsilon):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return p - rate * m / (np.sqrt(v) + epsilon), m, v


def corrected_twice(p, g, m, v, t, rate, beta1, beta2, epsilon):
    m = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
    v = (beta2 * v + (1 - beta2) * g**2) / (1 - beta2**t)
    return p - rate * m / (np.sqrt(v) + epsilon), m, v


def suggest_rate(rates, losses):
    smooth = np.convolve(losses, np.ones(5) / 5, "same")[2:-2]
    return rates[2:-2][smooth.argmin()] / 10


SOLUTIONS = {
    "descend": descend,
    "largest_rate": largest_rate,
    "heavy_ball": heavy_ball,
    "own_rates": own_rates,
    "first_step": first_step,
    "adam_by_hand": adam_by_hand,
    "suggest_rate": suggest_rate,
    "fair_race": {"SGD": 10.0, "momentum": 1.0, "RMSProp": 0.01, "Adam": 0.02},
}

WRONG = {
    "descend": [
        (lambda p, g, rate: p + rate * g, "p after step 1"),
        (lambda p, g, rate: p - rate * g / np.linalg.norm(g), "p after step 1"),
    ],
    "largest_rate": [
        (lambda curvature: 1 / np.linalg.eigvalsh(curvature).max(), "so a larger rate still converges"),
        (lambda curvature: 2 / np.trace(curvature), "still converges"),
        (lambda curvature: 2 / np.linalg.eigvalsh(curvature).min(), "times as long"),
    ],
    "heavy_ball": [(old_speed, "p after step 1"), (running_mean, "p after step 1")],
    "own_rates": [(no_root, "p after step 1"), (one_rate_for_all, "p after step 1")],
    "first_step": [
        (lambda beta1, beta2: (1 - beta1) / (1 - beta2), "beta1 = 0.9"),
        (lambda beta1, beta2: 1.0, "beta1 = 0.9"),
    ],
    "adam_by_hand": [(not_corrected, "p after step 1"), (corrected_twice, "p after step 2")],
    "suggest_rate": [
        (lambda rates, losses: rates[np.argmin(losses)], "too near the edge"),
        (lambda rates, losses: rates[0], "hardly learns"),
    ],
    "fair_race": [
        ({"SGD": 0.01, "momentum": 0.01, "RMSProp": 0.01, "Adam": 0.01}, "SGD at 0.01"),
        ({"SGD": 10.0, "momentum": 1.0, "RMSProp": 0.01, "Adam": 1.0}, "Adam at 1"),
    ],
}
