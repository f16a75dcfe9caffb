"""Measurements: this project and its peers side by side. Needs the extra `peers` for the peers.

    python -m benchmarks                  training steps: us, PyTorch, Keras
    python -m benchmarks.learning_curve   loss by epoch: us and PyTorch on the same text
"""
