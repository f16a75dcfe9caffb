"""The roofline (Williams, Waterman & Patterson 2009): how fast a loop can be, from what it computes and what it moves.

    bound = min(peak, intensity * bandwidth),  intensity = operations / bytes moved
"""


def intensity(B, K, N, itemsize=4):
    """Operations a byte of a product that is added to z: (B, K) @ (K, N) read, z (B, N) read and written.

    That is if each number comes from memory once; in a cache it costs less.
    """
    return 2 * B * K * N / (itemsize * (B * K + K * N + 2 * B * N))


def bound(operations_a_byte, peak, bandwidth):
    """The most operations a second; peak in operations a second, bandwidth in bytes a second."""
    return min(peak, operations_a_byte * bandwidth)


def fits_registers(rows, columns, registers, width):
    """Whether a tile fits, with one register more for a number of a and columns / width more for a row of w.

    registers: how many vector registers there are; width: how many numbers are in each; columns: whole registers.
    """
    across = -(-columns // width)
    return rows * across + across + 1 <= registers
