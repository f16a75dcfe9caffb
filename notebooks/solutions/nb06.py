"""Solutions of notebook 06, right answers in other styles, and wrong ones with words that the check must say."""

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


def descend_in_place(p, g, rate):
    p -= rate * g
    return p


def heavy_ball_in_place(p, g, m, rate, beta1):
    m *= beta1
    m += g
    p -= rate * m
    return [p, m]


def rate_remembered(p, g, m, rate, beta1):
    m = beta1 * m + rate * g
    return p - m, m


def ahead_of_itself(p, g, m, rate, beta1):
    m = beta1 * m + g
    return p - rate * (g + beta1 * m), m


def own_rates_by_number(p, g, v, rate, beta2, epsilon):
    for n in range(len(p)):
        v[n] += (1 - beta2) * (g[n] ** 2 - v[n])
        p[n] -= rate * g[n] / (v[n] ** 0.5 + epsilon)
    return np.stack([p, v])


def own_rates_as_list(p, g, v, rate, beta2, epsilon):
    v = np.average([v, np.square(g)], axis=0, weights=[beta2, 1 - beta2])
    return [np.subtract(p, rate * g / (np.sqrt(v) + epsilon)), v]


def sum_of_squares(p, g, v, rate, beta2, epsilon):
    v = v + g**2
    return p - rate * g / (np.sqrt(v) + epsilon), v


def old_square(p, g, v, rate, beta2, epsilon):
    return p - rate * g / (np.sqrt(v) + epsilon), beta2 * v + (1 - beta2) * g**2


def first_step_measured(beta1, beta2, g=0.3):
    with_correction = adam_by_hand(0.0, g, 0.0, 0.0, 1, 1.0, beta1, beta2, 0.0)[0]
    return not_corrected(0.0, g, 0.0, 0.0, 1, 1.0, beta1, beta2, 0.0)[0] / with_correction


def adam_in_place(p, g, m, v, t, rate, beta1, beta2, epsilon):
    m += (1 - beta1) * (g - m)
    v += (1 - beta2) * (g * g - v)
    p -= rate / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + epsilon)
    return [p, m, v]


def adam_in_one_array(p, g, m, v, t, rate, beta1, beta2, epsilon):
    betas = np.array([[beta1], [beta2]])
    moments = betas * [m, v] + (1 - betas) * [g, g**2]
    mean, square = moments / (1 - betas**t)
    return np.vstack([p - rate * mean / (square**0.5 + epsilon), moments])


def step_from_zero(p, g, m, v, t, rate, beta1, beta2, epsilon):
    return adam_by_hand(p, g, m, v, t - 1 or 1, rate, beta1, beta2, epsilon)


def epsilon_under_the_root(p, g, m, v, t, rate, beta1, beta2, epsilon):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return p - rate * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + epsilon), m, v


def smoothed(losses, width=5):
    return np.convolve(losses, np.ones(width) / width, "valid")


def suggest_rate(rates, losses):
    return rates[2 + smoothed(losses).argmin()] / 4


def last_before_the_cliff(rates, losses):
    lowest = min(losses)
    near = [rate for rate, loss in zip(rates, losses) if loss < lowest + 0.15]
    return near[0] / 2


def where_it_falls_fastest(rates, losses):
    return rates[4 + np.gradient(smoothed(losses, 9)).argmin()]


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

ALSO_RIGHT = {
    "descend": [descend_in_place, lambda p, g, rate: np.add(p, -rate * g), lambda p, g, rate: list(p - rate * g)],
    "largest_rate": [
        lambda curvature: 2 / np.linalg.norm(curvature, 2),
        lambda curvature: 2 / max(np.linalg.eig(curvature)[0]),
        lambda curvature: 4 / (np.trace(curvature) + np.sqrt(np.trace(curvature) ** 2 - 4 * np.linalg.det(curvature))),
    ],
    "heavy_ball": [
        heavy_ball_in_place,
        lambda p, g, m, rate, beta1: np.array([p - rate * (g + m * beta1), g + m * beta1]),
    ],
    "own_rates": [own_rates_by_number, own_rates_as_list],
    "first_step": [first_step_measured, lambda beta1, beta2: (1 - beta1) * (1 - beta2) ** -0.5],
    "adam_by_hand": [adam_in_place, adam_in_one_array],
    "suggest_rate": [
        lambda rates, losses: rates[np.argmin(losses)] / 10,
        lambda rates, losses: rates[list(losses).index(min(losses))] * 0.3,
        last_before_the_cliff,
    ],
    "fair_race": [
        {"SGD": 3, "momentum": 3, "RMSProp": 0.03, "Adam": 0.03},
        {"SGD": np.float64(1.3), "momentum": 0.6, "RMSProp": 0.01, "Adam": 0.01},  # a tenth of the lowest
    ],
}

WRONG = {
    "descend": [
        (lambda p, g, rate: p + rate * g, "p after step 1"),
        (lambda p, g, rate: p - rate * g / np.linalg.norm(g), "p after step 1"),
        (lambda p, g, rate: -rate * g, "p after step 1"),
    ],
    "largest_rate": [
        (lambda curvature: 1 / np.linalg.eigvalsh(curvature).max(), "so a larger rate still converges"),
        (lambda curvature: 2 / np.trace(curvature), "still converges"),
        (lambda curvature: 2 / np.linalg.eigvalsh(curvature).min(), "times as long"),
        (lambda curvature: 2 / np.diag(curvature).max(), "times as long"),
    ],
    "heavy_ball": [
        (old_speed, "p after step 1"),
        (running_mean, "p after step 1"),
        (ahead_of_itself, "p after step 1"),
        (rate_remembered, "m after step 1"),
        (lambda *given: heavy_ball(*given)[0], "2 vectors"),
    ],
    "own_rates": [
        (no_root, "p after step 1"),
        (one_rate_for_all, "p after step 1"),
        (sum_of_squares, "p after step 1"),
        (old_square, "p after step 1"),
    ],
    "first_step": [
        (lambda beta1, beta2: (1 - beta1) / (1 - beta2), "beta1 = 0.9"),
        (lambda beta1, beta2: 1.0, "beta1 = 0.9"),
        (lambda beta1, beta2: np.sqrt(1 - beta2) / (1 - beta1), "beta1 = 0.9"),
    ],
    "adam_by_hand": [
        (not_corrected, "p after step 1"),
        (corrected_twice, "m after step 1"),
        (step_from_zero, "p after step 2"),
        (epsilon_under_the_root, "p after step 1"),
    ],
    "suggest_rate": [
        (lambda rates, losses: rates[np.argmin(losses)], "too near the edge"),
        (lambda rates, losses: rates[0], "learns slowly"),
        (lambda rates, losses: min(losses), "too near the edge"),
        (where_it_falls_fastest, "learns slowly"),
    ],
    "fair_race": [
        ({"SGD": 0.01, "momentum": 0.01, "RMSProp": 0.01, "Adam": 0.01}, "SGD at 0.01"),
        ({"SGD": 10.0, "momentum": 1.0, "RMSProp": 0.01, "Adam": 1.0}, "Adam at 1"),
        ({"SGD": 0.3, "momentum": 1.0, "RMSProp": 0.01, "Adam": 0.02}, "SGD at 0.3"),
        ({"SGD": 10.0, "momentum": 1.0, "RMSProp": 0.01, "Adam": 0.001}, "Adam at 0.001"),
        ({"SGD": 10.0}, "a dict with a learning rate for each"),
    ],
}
