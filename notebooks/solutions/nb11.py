"""Solutions of notebook 11, right answers in other styles, and wrong ones with words that the check must say."""

import numpy as np

from course import ladder


def count_flop(B, E, H):
    return 8 * B * H * (E + H)


def count_intensity(B, H, itemsize):
    return 8 * B * H * H / (itemsize * (B * H + 4 * H * H + 8 * B * H))


def intensity_of_arrays(B, H, itemsize):
    h, U, z = (np.empty(shape, f"f{itemsize}") for shape in ((B, H), (H, 4 * H), (B, 4 * H)))
    return count_flop(B, 0, H) / (h.nbytes + U.nbytes + 2 * z.nbytes)


def roofline_bound(intensity, peak, bandwidth):
    return min(peak, intensity * bandwidth)


def bound_by_ridge(intensity, peak, bandwidth):
    return peak if intensity > peak / bandwidth else intensity * bandwidth


def hoisted(x, h0, c0, kernel, recurrent_kernel, bias):
    z = x @ kernel + bias
    h, c, outputs = h0, c0, []
    for z_t in z:
        zi, zf, zg, zo = np.split(z_t + h @ recurrent_kernel, 4, axis=1)
        c = ladder.sigmoid(zf) * c + ladder.sigmoid(zi) * np.tanh(zg)
        h = ladder.sigmoid(zo) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs)


def hoisted_flat(x, h0, c0, kernel, recurrent_kernel, bias):
    z = np.dot(x.reshape(-1, x.shape[2]), kernel).reshape(*x.shape[:2], -1) + bias
    return hoisted(z, h0, c0, np.eye(z.shape[2]), recurrent_kernel, np.zeros_like(bias))


def in_place(h, U, x_part, z):
    np.matmul(h, U, out=z)
    z += x_part
    return z


def in_place_by_slice(h, U, x_part, z):
    z[:] = x_part
    z += h @ U
    return z


def in_place_by_row(h, U, x_part, z):
    for n, row in enumerate(z):
        np.matmul(h[n], U, out=row)
        row += x_part[n]
    return z


def in_place_by_add(h, U, x_part, z):
    return np.add(np.dot(h, U, out=z), x_part, out=z)


def rows_of_a_tile(registers, width, columns):
    across = columns // width
    return (registers - 1) // across - 1


def rows_one_by_one(registers, width, columns):
    rows = 0
    while (rows + 2) * (columns // width) + 1 <= registers:
        rows += 1
    return rows


def rows_of_threads(B, threads):
    edges = [n * (B // threads) + min(n, B % threads) for n in range(threads + 1)]
    return list(zip(edges, edges[1:]))


def rows_one_after_another(B, threads):
    parts, first = [], 0
    for n in range(threads):
        last = first + B // threads + (n < B % threads)
        parts.append([first, last])
        first = last
    return tuple(parts)


def rows_by_array_split(B, threads):
    sizes = [len(one) for one in np.array_split(range(B), threads)]
    ends = np.cumsum(sizes)
    return np.stack((ends - sizes, ends), axis=1)


SLOW = {"A": "copy", "B": "float64", "C": "strides"}

SOLUTIONS = {
    "count_flop": count_flop,
    "count_intensity": count_intensity,
    "roofline_bound": roofline_bound,
    "hoisted": hoisted,
    "in_place": in_place,
    "rows_of_a_tile": rows_of_a_tile,
    "rows_of_threads": rows_of_threads,
    "slow_line": SLOW,
}

ALSO_RIGHT = {
    "count_flop": [ladder.flop, lambda B, E, H: 2 * B * E * 4 * H + 2 * B * H * 4 * H],
    "count_intensity": [intensity_of_arrays, lambda B, H, itemsize: 8 * B * H / (itemsize * (9 * B + 4 * H))],
    "roofline_bound": [bound_by_ridge, lambda intensity, peak, bandwidth: np.minimum(peak, intensity * bandwidth)],
    "hoisted": [hoisted_flat, ladder.inputs_at_once, ladder.no_new_arrays],
    "in_place": [in_place_by_add, in_place_by_row],
    "rows_of_a_tile": [rows_one_by_one, lambda registers, width, columns: (registers - 1) * width // columns - 1],
    "rows_of_threads": [rows_one_after_another, rows_by_array_split],
    "slow_line": [dict(reversed(SLOW.items())), dict(A="copy", B="float64", C="strides")],
}

WRONG = {
    "count_flop": [
        (lambda B, E, H: 4 * B * H * (E + H), "for B = 1, E = 1, H = 1 it is 16"),
        (lambda B, E, H: 8 * B * H * H, "it is 16"),
        (lambda B, E, H: 2 * B * H * (E + H), "it is 16"),
    ],
    "count_intensity": [
        (lambda B, H, itemsize: count_intensity(B, H, 4), "8 bytes a number"),
        (lambda B, H, itemsize: 1 / count_intensity(B, H, itemsize), "the intensity for"),
        (lambda B, H, itemsize: 2 * B / itemsize, "the intensity for"),
    ],
    "roofline_bound": [
        (lambda intensity, peak, bandwidth: peak, "intensity 0.5"),
        (lambda intensity, peak, bandwidth: intensity * bandwidth, "intensity 80"),
        (lambda intensity, peak, bandwidth: max(peak, intensity * bandwidth), "intensity 0.5"),
    ],
    "hoisted": [
        (ladder.fused_gates, "7 products for 7 time steps"),
        (lambda x, h0, c0, W, U, b: hoisted(x, h0, c0, W, U, 0 * b), "h: "),
        (lambda *given: hoisted(*given)[-1], "the shape is"),
    ],
    "in_place": [
        (lambda h, U, x_part, z: h @ U + x_part, "z itself"),
        (lambda h, U, x_part, z: np.matmul(h, U, out=z), "z: "),
        (in_place_by_slice, "it makes new arrays"),
        (lambda h, U, x_part, z: in_place(h, U, x_part, x_part), "z itself"),
    ],
    "rows_of_a_tile": [
        (lambda registers, width, columns: registers * width // columns, "rows fit"),
        (lambda registers, width, columns: registers // 2, "rows fit"),
        (lambda registers, width, columns: rows_of_a_tile(registers, width, columns) + 1, "14 rows fit"),
    ],
    "rows_of_threads": [
        (lambda B, threads: [(n * (B // threads), (n + 1) * (B // threads)) for n in range(threads)], "7 rows on 3"),
        (lambda B, threads: [(n * B // threads, (n + 1) * B // threads) for n in range(threads)], "7 rows on 3"),
        (lambda B, threads: [(0, B)], "2 values"),
    ],
    "slow_line": [
        (SLOW | {"A": "strides"}, "A has another fault"),
        (SLOW | {"C": "copy"}, "C has another fault"),
        (SLOW | {"B": "loop"}, "one of 'copy'"),
        ("copy", "it should be {"),
    ],
}
