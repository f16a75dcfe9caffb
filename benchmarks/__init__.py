"""Measurements: this project and its peers side by side. Needs the extra `peers` for the peers.

    python -m benchmarks                  everything, some 10 minutes and more on a busy machine; --quick, --only NAME
    python -m benchmarks --ideas          what each idea is worth: training with one of them taken away at a time
    python -m benchmarks --readme         the README's table again, from the results on file
    python -m benchmarks.learning_curve   loss by epoch: us and PyTorch on the same text

In reading order: cases, quiet, turns, contestants, samplers, roofline, ideas, plain_loops, fresh, parts;
then machine, results, targets, report, drawings.
"""
